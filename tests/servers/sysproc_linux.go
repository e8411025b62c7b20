package servers

import "syscall"

// sysProcAttr makes the child run as a, and die with the thread that started it (see process.run).
func sysProcAttr(a *account, death syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: a.credential(), Pdeathsig: death}
}
