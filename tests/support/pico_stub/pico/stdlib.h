/* As much of the Pico SDK as the generated example calls. */
#ifndef PICO_STUB_H
#define PICO_STUB_H

#include <stdint.h>

static inline void stdio_init_all(void) {
}
static inline void sleep_ms(uint32_t ms) {
    (void)ms;
}

#endif
