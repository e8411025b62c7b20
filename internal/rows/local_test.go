package rows_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/rows"
	"github.com/seed-4f7f0efa/gormcache/serializer"
)

// machine is a zone as a machine has it in /etc/localtime: without a name, and here always at one offset.
func machine(t *testing.T, offset int32) *time.Location {
	t.Helper()
	data := append([]byte("TZif"), make([]byte, 16)...)
	for _, n := range []uint32{0, 0, 0, 0, 1, 4} { // one kind of time, of which there are 4 letters
		data = binary.BigEndian.AppendUint32(data, n)
	}
	data = binary.BigEndian.AppendUint32(data, uint32(offset))
	loc, err := time.LoadLocationFromTZData("Local", append(data, 0, 0, 'X', 'S', 'T', 0))
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// setLocal replaces time.Local, as a program does.
func setLocal(t *testing.T, loc *time.Location) {
	t.Helper()
	was := time.Local
	t.Cleanup(func() { time.Local = was })
	time.Local = loc
}

// Two machines whose connections say loc=Local read a DATETIME as different instants.
func TestZonesOfMachinesDiffer(t *testing.T) {
	here, there := rows.ZoneName(machine(t, 3600)), rows.ZoneName(machine(t, 7200))
	if here == there {
		t.Errorf("both are %q", here)
	}
	if again := rows.ZoneName(machine(t, 3600)); again != here {
		t.Errorf("one zone is %q and %q", here, again)
	}
	if utc := rows.ZoneName(time.UTC); utc != "UTC" {
		t.Errorf("UTC is %q", utc)
	}
	if one, other := rows.ZoneName(time.FixedZone("X", 0)), rows.ZoneName(time.FixedZone("X", 60)); one == other {
		t.Errorf("both are %q", one)
	}
	again, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if one, other := rows.ZoneName(berlin), rows.ZoneName(again); one != other {
		t.Errorf("one zone is %q and %q", one, other)
	}
}

// A program replaces time.Local in main, and its drivers answer in what Local is then. In whichever zone an
// answer was encoded, a time of Local comes back in the present one, and all others in their own.
//
// Falls if: Local is kept from the package's initialization, or a time that has Local for its location is
// taken for one of UTC, or of the zone that Local is at the moment.
func TestLocalIsWhatItIsNow(t *testing.T) {
	start := time.Local
	zones := []*time.Location{start, time.UTC, berlin, time.FixedZone("", 3600), machine(t, 7200)}
	for _, then := range zones {
		for _, now := range zones {
			setLocal(t, then)
			row := []any{time.Unix(1, 5), time.Unix(1, 5).UTC(), time.Unix(1, 5).In(start), time.Unix(1, 5).In(tokyo(t))}
			local := then == start // the third is one more of Local then
			data, value := encode(t, columns(len(row)), [][]any{row}), marshal(t, time.Unix(1, 5))

			setLocal(t, now)
			want := []any{time.Unix(1, 5), time.Unix(1, 5).UTC(), time.Unix(1, 5).In(start), time.Unix(1, 5).In(tokyo(t))}
			if local {
				want[2] = time.Unix(1, 5)
			}
			parsed, err := rows.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			for i := range row {
				c := parsed.Cursor(i)
				if got := c.Next().Any(); got != want[i] {
					t.Errorf("Local was %v and is %v: value %d is %#v, want %#v", then, now, i, got, want[i])
				}
			}
			var got time.Time
			if err := serializer.Unmarshal(value, &got); err != nil || got != time.Unix(1, 5) {
				t.Errorf("Local was %v and is %v: %#v, want %#v (%v)", then, now, got, time.Unix(1, 5), err)
			}
			if name := rows.LocalZone(); name != rows.ZoneName(now) {
				t.Errorf("Local is called %q, want %q", name, rows.ZoneName(now))
			}
		}
	}
}

var tokyoZone *time.Location

// tokyo is one pointer, since what was met first is what comes back.
func tokyo(t *testing.T) *time.Location {
	t.Helper()
	if tokyoZone == nil {
		var err error
		if tokyoZone, err = time.LoadLocation("Asia/Tokyo"); err != nil {
			t.Fatal(err)
		}
	}
	return tokyoZone
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := serializer.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
