package lock_test

import "context"

func increment(_ context.Context, n int) (int, error) { return n + 1, nil }
