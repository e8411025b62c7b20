package entry

// Limits of the format, for the tests.
const (
	MaxTokens = maxTokens
	TokenSize = tokenSize
)
