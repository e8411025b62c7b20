// A server that this is loaded into (LD_PRELOAD) lives by another wall clock: the machine's, plus the
// microseconds that the file named by GORMCACHE_CLOCK holds. Whoever writes to that file makes the clock
// jump. The monotonic clocks are the machine's, as they are when somebody sets a machine's clock.
//
// Nothing here allocates or takes a lock: jemalloc asks for the time before anything else is ready.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void load(void) {
	const char *path = getenv("GORMCACHE_CLOCK");
	int fd = path ? open(path, O_RDONLY) : -1;
	if (fd < 0)
		_exit(70); // better no server than one by the wrong clock
	void *at = mmap(0, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		_exit(70);
	close(fd);
	offset = at;
}

int clock_gettime(clockid_t id, struct timespec *ts) {
	int err = syscall(SYS_clock_gettime, id, ts);
	if (err == 0 && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		int64_t us = ts->tv_sec * 1000000LL + ts->tv_nsec / 1000 + *offset;
		ts->tv_sec = us / 1000000;
		ts->tv_nsec = us % 1000000 * 1000 + ts->tv_nsec % 1000;
	}
	return err;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
	struct timespec ts;
	(void)zone;
	int err = clock_gettime(CLOCK_REALTIME, &ts);
	if (err == 0) {
		tv->tv_sec = ts.tv_sec;
		tv->tv_usec = ts.tv_nsec / 1000;
	}
	return err;
}

time_t time(time_t *t) {
	struct timespec ts;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}
