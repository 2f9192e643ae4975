package fact

import (
	"testing"
)

func TestLSN(t *testing.T) {
	for _, text := range []string{"0/0", "0/4000000", "16/B374D848", "7FFFFFFF/FFFFFFFF"} {
		l, err := ParseLSN(text)
		if err != nil || l.String() != text {
			t.Errorf("%s: %s, %v", text, l, err)
		}
	}
	for _, bad := range []string{
		"",
		"0",
		"0/",
		"/0",
		"g/0",
		"100000000/0",
		"0/100000000",
		"-1/0",
		"80000000/0",
		"FFFFFFFF/FFFFFFFF",
	} {
		if l, err := ParseLSN(bad); err == nil {
			t.Errorf("%q read as %s", bad, l)
		}
	}
	if d := LSN(10).Minus(12); d != -2 {
		t.Errorf("10 - 12 = %d", d)
	}
	if d := MaxLSN.Minus(0); d <= 0 {
		t.Errorf("the highest position is %d ahead of the lowest", d)
	}
}
