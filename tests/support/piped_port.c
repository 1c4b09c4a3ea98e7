/* Port whose line is standard input and output, and whose timer always has counted 100: a server whose every byte can
 * be foretold. Ends with its input. */
#include "asc_port.h"

#include <stdio.h>

#define ELAPSED 100u

void asc_port_init(void) {
}

int asc_port_read_byte(void) {
    return getchar();
}

void asc_port_write(const uint8_t *data, size_t n) {
    (void)fwrite(data, 1, n, stdout);
}

void asc_port_timer_start(void) {
}

uint64_t asc_port_timer_elapsed(void) {
    return ELAPSED;
}

uint32_t asc_port_stack_size(void) {
    return 0;
}

uint32_t asc_port_stack_used(void) {
    return 0;
}
