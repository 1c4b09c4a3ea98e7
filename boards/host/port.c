/* Port of this machine: the serial line is a pseudo-terminal that this program opens, the timer is the monotonic
 * clock. Prints where the line is, as QEMU does, and ends when its standard input does. */
#define _XOPEN_SOURCE 700
#include "asc_port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000u
#define BUFFER_BYTES 4096u

static int line = -1;
static uint64_t timer_start_ns;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* The other end stays open here too, so that the line survives a host that comes and goes; and it is raw from the
 * start, so that no byte is echoed or changed. */
static void open_raw(const char *path) {
    struct termios mode;
    const int terminal = open(path, O_RDWR | O_NOCTTY);
    if (terminal < 0 || tcgetattr(terminal, &mode) != 0) {
        fail(path);
    }
    mode.c_iflag = 0;
    mode.c_oflag = 0;
    mode.c_lflag = 0;
    mode.c_cflag = (mode.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8 | CREAD | CLOCAL;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    if (tcsetattr(terminal, TCSANOW, &mode) != 0) {
        fail(path);
    }
}

void asc_port_init(void) {
    const char *path = NULL;

    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) != 0 || unlockpt(line) != 0 || (path = ptsname(line)) == NULL) {
        fail("pseudo-terminal");
    }
    open_raw(path);
    printf("char device redirected to %s\n", path);
    if (fflush(stdout) != 0) {
        fail("standard output");
    }
}

/* Waits until the line has bytes; 0 when standard input has ended. */
static int wait_for_bytes(void) {
    struct pollfd events[2] = {{line, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    char ignored[64];

    for (;;) {
        if (poll(events, 2, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            fail("poll");
        }
        if (events[1].revents != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0) {
            return 0;
        }
        if (events[0].revents != 0) {
            return 1;
        }
    }
}

int asc_port_read_byte(void) {
    static uint8_t buffer[BUFFER_BYTES];
    static size_t length;
    static size_t next;

    while (next == length) {
        ssize_t n;
        if (!wait_for_bytes()) {
            return -1;
        }
        n = read(line, buffer, sizeof buffer);
        if (n > 0) {
            length = (size_t)n;
            next = 0;
        } else if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return -1;
        }
    }
    return buffer[next++];
}

void asc_port_write(const uint8_t *data, size_t n) {
    while (n > 0) {
        const ssize_t written = write(line, data, n);
        if (written > 0) {
            data += written;
            n -= (size_t)written;
        } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
            fail("write");
        }
    }
}

static uint64_t now_ns(void) {
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void asc_port_timer_start(void) {
    timer_start_ns = now_ns();
}

uint64_t asc_port_timer_elapsed(void) {
    return now_ns() - timer_start_ns;
}

/* The operating system gives the stack and tells nobody how much of it was used. */
uint32_t asc_port_stack_size(void) {
    return 0;
}

uint32_t asc_port_stack_used(void) {
    return 0;
}
