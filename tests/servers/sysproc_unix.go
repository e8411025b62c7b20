//go:build unix && !linux

package servers

import "syscall"

// sysProcAttr makes the child run as a. Only Linux can bind its life to ours.
func sysProcAttr(a *account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: a.credential()}
}
