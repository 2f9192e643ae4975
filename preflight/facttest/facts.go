package facttest

import (
	"reflect"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

// WithoutEach takes each fact of a snapshot away in turn, and gives it back.
func WithoutEach(s *fact.Recording, do func(path string)) {
	for _, f := range FactsIn(s) {
		value, why := f.Value.FieldByName("Value"), f.Value.FieldByName("Why")
		before, reason := reflect.ValueOf(value.Interface()), reflect.ValueOf(why.Interface())
		f.Forget()
		do(f.Path)
		value.Set(before)
		why.Set(reason)
	}
}

// ObservedFact is one Observed somewhere in a snapshot.
type ObservedFact struct {
	Path  string
	Value reflect.Value
}

// Forget makes the fact unknown.
func (f ObservedFact) Forget() {
	f.Value.FieldByName("Value").SetZero()
	f.Value.FieldByName("Why").Set(reflect.ValueOf(&fact.Unknown{Cause: fact.Failed, Reason: "taken away by the test"}))
}

// FactsIn finds every known fact of a snapshot by reflection, so that a fact
// added tomorrow is found too. Elements of lists are named by their Name or URL.
func FactsIn(s *fact.Recording) []ObservedFact {
	var out []ObservedFact
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(path, v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				e := v.Index(i)
				name := ""
				if e.Kind() == reflect.Struct {
					for _, field := range []string{"Name", "URL", "ApplicationName"} {
						if f := e.FieldByName(field); f.IsValid() && f.Kind() == reflect.String {
							name = f.String()
						}
					}
				}
				walk(path+"["+name+"]", e)
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			if strings.HasPrefix(v.Type().Name(), "Observed[") {
				if !v.FieldByName("Value").IsNil() {
					out = append(out, ObservedFact{path, v})
					walk(path, v.FieldByName("Value"))
				}
				return
			}
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	walk("", reflect.ValueOf(s.Snapshot))
	return out
}
