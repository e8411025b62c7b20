package invalidate

import (
	"encoding/binary"
	"testing"
	"time"
)

// local is a zone as a machine has it in /etc/localtime: without a name, and here always at one offset.
func local(t *testing.T, offset int32) *time.Location {
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

// Two machines whose connections say loc=Local read a DATETIME as different instants.
func TestZonesOfMachinesDiffer(t *testing.T) {
	here, there := zoneOf(local(t, 3600)), zoneOf(local(t, 7200))
	if here == there {
		t.Errorf("both are %q", here)
	}
	if again := zoneOf(local(t, 3600)); again != here {
		t.Errorf("one zone is %q and %q", here, again)
	}
	if utc := zoneOf(time.UTC); utc != "UTC" {
		t.Errorf("UTC is %q", utc)
	}
}
