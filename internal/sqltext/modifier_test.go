package sqltext

import (
	"slices"
	"testing"
)

// Falls if: the name of a table is taken for one of the words that may stand before it, and SET for the table.
func TestTablesThatAreCalledAsModifiers(t *testing.T) {
	for text, table := range map[string]string{
		"UPDATE quick SET x = 1 WHERE id = 1":         "quick",
		"INSERT quick SET x = 1":                      "quick",
		"REPLACE quick SET x = 1":                     "quick",
		"UPDATE LOW_PRIORITY IGNORE quick SET x = 1":  "quick",
		"UPDATE LOW_PRIORITY t SET x = 1":             "t",
		"DELETE LOW_PRIORITY QUICK IGNORE FROM quick": "quick",
		"INSERT DELAYED IGNORE t SET x = 1":           "t",
	} {
		if got := Parse(MySQL, text); !slices.Equal(got.Writes, []string{table}) {
			t.Errorf("%s writes %v", text, got.Writes)
		}
	}
}
