package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// maxFile bounds a configuration file, and all files of a directory together,
// in bytes.
const maxFile = 1 << 20

// files is what is needed of a file system. Names are those of the machine,
// with a leading slash or without. Stat follows links.
type files interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (fs.File, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

type disk struct{}

func (disk) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (disk) Open(name string) (fs.File, error)          { return os.Open(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

const notPermitted = "may not be read by this user"

// unreadable says why a file cannot be read.
func unreadable(source string, err error, remedy string) error {
	problem := "cannot be read"
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		problem = "does not exist"
	case errors.Is(err, fs.ErrPermission):
		problem = notPermitted
	case errors.Is(err, errNotRegular):
		problem = err.Error()
	case errors.As(err, &p):
		problem += ": " + p.Err.Error()
	}
	return &Error{Where: source, Problem: problem, Remedy: remedy}
}

// printable keeps a path on one line.
func printable(path string) string {
	if strings.ContainsFunc(path, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return strconv.Quote(path)
	}
	return path
}

// whole reads a regular file of at most 1 MiB.
func (h host) whole(name string) ([]byte, error) {
	info, err := h.files.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe might never end
		return nil, errNotRegular
	}
	f, err := h.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

var errNotRegular = errors.New("is not a file")
