package reader

import (
	"fmt"
	"strings"

	"github.com/seed-4f7f0efa/gormcache/internal/argument"
	"github.com/seed-4f7f0efa/gormcache/internal/fault"
	"github.com/seed-4f7f0efa/gormcache/internal/sqltext"
	"github.com/seed-4f7f0efa/gormcache/internal/writer"
	"github.com/seed-4f7f0efa/gormcache/observe"
)

// Details of reasons, where nothing of the query goes into them. docs/reasons.md lists all.
const (
	detailDryRun      = "it is not sent (DryRun, ToSQL), or is a part of another query"
	detailAsked       = "fromcache.Bypass() is on it, or on the query that preloads it"
	detailClosed      = "the plugin is closed: Plugin.Close was called"
	detailPrimary     = "it asks for the primary (dbresolver.Write)"
	detailLocking     = "it locks rows (FOR UPDATE, FOR SHARE), which only the database can do"
	detailTransaction = "it runs in a transaction: give it fromcache.InTransaction(), or send it outside"
	detailForeign     = "it runs in a transaction that gormcache did not begin, and that may have written"
	detailWrote       = "its transaction has written, so that it sees what others do not see yet"
	detailUnread      = "the database's catalog has not been read yet, and with fromcache.OnlyIfCached() it is not asked for"
	detailSchema      = "the schema has changed, perhaps by another process, each time that the tables had been found out"
)

// transaction says why a query in a transaction is left to the database.
func transaction(s writer.State) string {
	if !s.Followed {
		return detailForeign
	}
	return detailWrote
}

// replacedBy says that another plugin has taken the place of a callback.
func replacedBy(callback string) string {
	return fmt.Sprintf("another plugin had replaced GORM's callback %q when gormcache was registered: if what it has put there calls the "+
		"callback that it found, register gormcache first; if it calls GORM's own, its queries can't be cached", callback)
}

// offFor says which table's policy is Off.
func offFor(table string) string {
	return fmt.Sprintf("it reads %s, whose policy in Config.Models is Off", table)
}

// varies says what makes a query's answer change by itself.
func varies(word string) string {
	return word + " gives another answer at another time, or in another session: pass its value as an argument"
}

// inexpressible says why the arguments have no place in a key, or else the values of fromcache.Key. Only then are the
// forms of those asked for.
func inexpressible(args *argument.List, values []any, formsOf func() []any) string {
	for i := range args.Forms {
		if _, ok := argument.AppendAll(nil, args.Forms[i:i+1]); !ok {
			return fmt.Sprintf("argument %d is a %T, which can't be made part of a key, or is too large", i+1, args.Given[i])
		}
	}
	forms := formsOf()
	for i := range forms {
		if _, ok := argument.AppendAll(nil, forms[i:i+1]); !ok {
			return fmt.Sprintf("value %d of fromcache.Key is a %T, which can't be made part of a key, or is too large", i+1, values[i])
		}
	}
	return "its arguments are too large to be made part of a key"
}

// tooLarge says by how much an answer is too large, and the remedy.
func tooLarge(err error) string {
	return fault.Text(err) + ": raise MaxRows or MaxBytes of the region, or ask for less"
}

// verbs say what a statement does that is not a SELECT.
var verbs = map[sqltext.Verb]string{
	sqltext.Insert: "it is an INSERT", sqltext.Update: "it is an UPDATE", sqltext.Delete: "it is a DELETE",
	sqltext.DDL:   "it changes the schema",
	sqltext.Begin: "it begins a transaction", sqltext.Commit: "it ends a transaction", sqltext.Rollback: "it ends a transaction",
	sqltext.Savepoint: "it sets a savepoint", sqltext.RollbackTo: "it goes back to a savepoint", sqltext.Release: "it releases a savepoint",
	sqltext.Session: "it changes the session, and reads no table",
	sqltext.Inspect: "it asks the database about itself (SHOW, DESCRIBE, EXPLAIN, PRAGMA), which no write invalidates",
}

// notSelect says what a text is if it is not a single SELECT that only reads.
func notSelect(info *sqltext.Info) string {
	switch {
	case info.Statements == 0:
		return "its text has no statement"
	case info.Statements > 1:
		return fmt.Sprintf("its text has %d statements: send them one by one", info.Statements)
	case verbs[info.Verb] != "":
		return verbs[info.Verb]
	case info.Verb != sqltext.Select:
		return "it is no SELECT that gormcache can read: " + unreadable(info.Opaque)
	case info.DDL:
		return "it is a SELECT INTO, which makes a table"
	case len(info.Writes) > 0:
		return "it is a SELECT that writes too: to " + strings.Join(info.Writes, ", ")
	}
	return "it is a SELECT that may write, or end a transaction"
}

// unreadable puts into words why sqltext could not find out which tables a text reads.
func unreadable(why string) string {
	switch kind, name, _ := cutLast(why); {
	case kind == "system table":
		return fmt.Sprintf("it reads %s, which belongs to the database itself, so that no write tells of its changes", name)
	case kind == "function":
		return fmt.Sprintf("it calls %s, which is no function that gormcache knows, and may read any table", name)
	case kind == "table function":
		return fmt.Sprintf("it reads from the function %s, which may read any table", name)
	}
	switch why {
	case "":
		return "it may mean several things"
	case "other", "unknown statement":
		return "it is a kind of statement that may do anything (CALL, DO, EXECUTE, …)"
	case "ambiguous":
		return "its text may be read in several ways"
	case "no table where one is due":
		return "it reads from something other than a table, a view or a query"
	case "name too long":
		return "a name in it is longer than PostgreSQL keeps"
	case "VALUES", "TABLE", "ROWS FROM", "COPY", "SELECT INTO", "EXPLAIN":
		return "it uses " + why + ": write it as a plain SELECT"
	case "cursor":
		return "it reads from a cursor"
	}
	return "its text can't be followed: " + why
}

// cutLast cuts a name off that stands last, after its kind.
func cutLast(why string) (kind, name string, ok bool) {
	i := strings.LastIndexByte(why, ' ')
	if i < 0 {
		return why, "", false
	}
	return why[:i], why[i+1:], true
}

// refuse returns the bypass that the SQL alone calls for, if any.
func refuse(info *sqltext.Info) bypass {
	switch {
	case info.Locking:
		return bypass{reason: observe.Locking, detail: detailLocking}
	case info.Verb != sqltext.Select || info.Statements != 1 || info.Write || info.DDL || info.Transaction:
		return bypass{reason: observe.NotSelect, detail: notSelect(info)}
	case info.Volatile != "":
		return bypass{reason: observe.Volatile, detail: varies(info.Volatile)}
	case info.Opaque != "":
		return bypass{reason: observe.Tables, detail: unreadable(info.Opaque)}
	}
	return bypass{}
}
