/* What the protocol server needs of a board. Implemented once per board, in boards/<name>/port.c. */
#ifndef ASC_PORT_H
#define ASC_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Clock, serial line and timer; called once, first. */
void asc_port_init(void);

/* Waits for a byte of the serial line, 0 to 255; -1 when the line is closed for good (native programs only). */
int asc_port_read_byte(void);

/* Sends n bytes; returns when all are on their way. */
void asc_port_write(const uint8_t *data, size_t n);

/* Starts the timer at 0. */
void asc_port_timer_start(void);

/* Counts since asc_port_timer_start, in the unit that board.toml names; usable as asc_clock_fn. */
uint64_t asc_port_timer_elapsed(void);

/* Bytes kept for the stack, and the most that was ever used of them; 0 where unknown. */
uint32_t asc_port_stack_size(void);
uint32_t asc_port_stack_used(void);

/* Provided by the server: a port's fault handler calls it to tell the host. Sends and returns; needs no memory
 * beyond a little stack. number: exception number; program_counter: 0 when the stack overflowed. */
void asc_server_fault(uint32_t number, uint32_t program_counter);

#endif
