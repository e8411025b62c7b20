package catalog

import "strings"

// mysqlCharsets are the character sets in which ASCII characters have their ASCII codes.
var mysqlCharsets = map[string]bool{"utf8mb4": true, "utf8mb3": true, "utf8": true, "latin1": true, "latin2": true, "ascii": true,
	"cp1250": true, "cp1251": true}

// mysqlLanguages are the languages whose collations distinguish ASCII texts, except for case. Left out are Lithuanian,
// where y equals i, and Roman, where j equals i and v equals u.
var mysqlLanguages = set(strings.Fields(`bulgarian croatian czech danish esperanto estonian german1 german2 hungarian icelandic
	latvian persian polish romanian sinhala slovak slovenian spanish spanish2 swedish turkish ukrainian vietnamese`))

// mysqlWords are the other words that may occur in the names of such collations.
var mysqlWords = set(strings.Fields(`bin general mysql500 mysql561 unicode 520 uca1400 nopad ai as ci cs`))

// knownCollation reports whether a collation of MySQL or MariaDB is known to find two ASCII texts equal only if they are
// the same except for case. A server may have others, defined by its administrator. Of MySQL's collations by the newer
// rules (0900) only those without a language count: in Hungarian, ccs equals cscs.
func knownCollation(name string) bool {
	charset, rest, found := strings.Cut(strings.ToLower(name), "_")
	if !found || !mysqlCharsets[charset] {
		return false
	}
	switch rest {
	case "0900_bin", "0900_ai_ci", "0900_as_ci", "0900_as_cs":
		return true
	}
	for word := range strings.SplitSeq(rest, "_") {
		if !mysqlWords[word] && !mysqlLanguages[word] {
			return false
		}
	}
	return true
}
