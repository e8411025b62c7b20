package forms_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// User has relations of every kind, embedded structs, and columns that encoders of structs would drop.
type User struct {
	gorm.Model
	Name      string
	Age       int
	Nick      *string
	Active    bool
	Secret    string `json:"-" msgpack:"-"`
	Born      time.Time
	Address   Address `gorm:"embedded;embeddedPrefix:address_"`
	Extra     *Extra  `gorm:"embedded;embeddedPrefix:extra_"`
	CompanyID *uint
	Company   *Company
	ManagerID *uint
	Manager   *User
	Account   Account
	Orders    []Order
	Languages []Language `gorm:"many2many:user_languages"`
	Found     int        `gorm:"-"` // how often AfterFind ran on this value
}

type Address struct {
	City string
	Zip  *string
}

type Extra struct {
	Points int
	Note   sql.NullString
}

type Company struct {
	ID        uint
	Name      string
	CountryID *uint
	Country   Country
}

type Country struct {
	ID   uint
	Name string
}

type Account struct {
	ID     uint
	UserID *uint
	Number string
}

type Order struct {
	ID     uint
	UserID uint
	User   *User
	Total  Cents
	Status Status
	Items  []Item
}

type Item struct {
	ID      uint
	OrderID uint
	SKU     string
}

type Language struct {
	Code string `gorm:"primaryKey;size:8"`
	Name string
}

// Seat has a key of two columns.
type Seat struct {
	Row    string `gorm:"primaryKey;size:4"`
	Number int    `gorm:"primaryKey;autoIncrement:false"`
	Taken  bool
}

var errHook = errors.New("the hook says no")

// AfterFind notes what it sees, and changes the row.
func (u *User) AfterFind(tx *gorm.DB) error {
	u.Found++
	if log, ok := tx.Statement.Context.Value(hookLogKey{}).(*hookLog); ok {
		log.add(fmt.Sprintf("user %d %q found %d times, %d rows, table %s", u.ID, u.Name, u.Found, tx.RowsAffected, tx.Statement.Table))
	}
	if tx.Statement.Context.Value(failKey{}) != nil {
		return errHook
	}
	return nil
}

// Asking is an order that asks the database for more when it is found. The scope must not cover that.
type Asking struct {
	ID     uint
	UserID uint
	Owner  string `gorm:"-"`
}

func (Asking) TableName() string { return "orders" }

func (a *Asking) AfterFind(tx *gorm.DB) error {
	return tx.Table("users").Select("name").Where("id = ?", a.UserID).Scan(&a.Owner).Error
}

type failKey struct{}

type (
	Status string
	Cents  int64
	Level  uint8
	Flag   bool
	Ratio  float32
)

// UUID is kept as text and scans itself.
type UUID [16]byte

func (u UUID) Value() (driver.Value, error) { return hex.EncodeToString(u[:]), nil }
func (u *UUID) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*u = UUID{}
	case string:
		_, err := hex.Decode(u[:], []byte(v))
		return err
	case []byte:
		_, err := hex.Decode(u[:], v)
		return err
	default:
		return fmt.Errorf("UUID: %T", v)
	}
	return nil
}
func (UUID) GormDataType() string { return "varchar(32)" }

// Words implements Valuer by value, and keeps the type it was given to scan.
type Words struct {
	Text string
	From string
}

func (w Words) Value() (driver.Value, error) { return w.Text, nil }
func (w *Words) Scan(v any) error {
	w.From = fmt.Sprintf("%T", v)
	w.Text = fmt.Sprintf("%s", v)
	return nil
}
func (Words) GormDataType() string { return "text" }

// Box implements Valuer by pointer.
type Box struct{ In string }

func (b *Box) Value() (driver.Value, error) {
	if b == nil {
		return nil, nil
	}
	return "[" + b.In + "]", nil
}
func (b *Box) Scan(v any) error       { b.In = fmt.Sprintf("%T", v); return nil }
func (Box) GormDataType() string      { return "varchar(64)" }
func (b *Box) GormValueIsBox() string { return b.In }

// Kinds has a field of each kind that all three databases can hold.
type Kinds struct {
	ID       uint
	I8       int8
	I16      int16
	I32      int32
	I64      int64
	U8       uint8
	U16      uint16
	U32      uint32
	U64      uint64
	F32      float32
	F64      float64
	B        bool
	S        string
	Bytes    []byte
	Raw      json.RawMessage `gorm:"type:json"`
	PI       *int64
	PS       *string
	PB       *bool
	PF       *float64
	PT       *time.Time
	PBytes   *[]byte
	NS       sql.NullString
	NI64     sql.NullInt64
	NI32     sql.NullInt32
	NI16     sql.NullInt16
	NB       sql.NullBool
	NF       sql.NullFloat64
	NT       sql.NullTime
	NAny     sql.Null[string]
	Status   Status
	Cents    Cents
	Level    Level
	Ratio    Ratio
	PStatus  *Status
	Took     time.Duration
	T        time.Time
	Micro    time.Time `gorm:"precision:6"`
	UUID     UUID
	PUUID    *UUID
	Words    Words
	Box      *Box
	JSON     map[string]any `gorm:"serializer:json"`
	List     []string       `gorm:"serializer:json"`
	Gob      Address        `gorm:"serializer:gob;type:bytes"`
	Unix     int64          `gorm:"serializer:unixtime;type:timestamp"`
	Hidden   string         `json:"-" msgpack:"-"`
	ReadOnly string         `gorm:"->;default:readonly"`
	WriteMe  string         `gorm:"<-:create"`
	NoRead   string         `gorm:"->:false;<-:create"`
	Odd      string         `gorm:"column:odd_name"`
}

func ptr[T any](v T) *T { return &v }

// DTO is a part of User under names of its own.
type DTO struct {
	ID    uint
	Name  string
	Label string `gorm:"column:address_city"`
}

// Summary is what grouped queries give.
type Summary struct {
	Active bool
	N      int64
	Oldest *int
	Mean   float64
}
