package servers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports are drawn below Linux's ephemeral range (32768 and up): there, any outgoing connection could
// take a port between our finding it free and the server's binding it.
const (
	firstPort = 20000
	lastPort  = 32000
)

var (
	portMu sync.Mutex
	taken  = map[int]bool{}
)

// freePort returns a TCP port of the loopback interface that nobody listens on, and that this process
// has not handed out before. Another process may still be quicker: whoever starts a server tries again.
func freePort() (int, error) {
	portMu.Lock()
	defer portMu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if taken[port] {
			continue
		}
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		taken[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("servers: no free port between %d and %d", firstPort, lastPort)
}

// loopback returns the address of port on the loopback interface.
func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
