package serializer_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/seed-4f7f0efa/gormcache/internal/golden"
	"github.com/seed-4f7f0efa/gormcache/serializer"
)

func TestGoldenValue(t *testing.T) {
	want := account{ID: 7, Name: "n", Born: time.Unix(1700000000, 5).UTC(), Home: address{"s", time.Unix(0, 0).In(berlin), nil}}
	b, err := serializer.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got account
	if err := serializer.Unmarshal(golden.Check(t, "value", b), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
}
