/* The few numbers in which boards with this port differ. startup.c includes this file too, and reads
 * ASC_UART_RX_INTERRUPT from it in assembler: a bare number, no expression, no suffix.
 *
 * Source: RM0090 (memory map, vector table), DS8626 (pins). */
#ifndef ASC_BOARD_H
#define ASC_BOARD_H

#define ASC_UART_BASE 0x40004400u   /* USART2 */
#define ASC_UART_RX_INTERRUPT 38    /* its number in the vector table, from 0 */
#define ASC_UART_CLOCK_HZ 16000000u /* of the bus it is on */
#define ASC_UART_BAUD_RATE 115200u  /* bench --baud says the same */

/* 1: the DWT counts cycles (Cortex-M3, M4, M7, M33, M55). 0: SysTick does, for cores and emulators without that. */
#define ASC_HAS_CYCLE_COUNTER 1

/* From ticks of that counter to what board.toml's clock_hz counts. Here both are the core's clock; in an emulator whose
 * SysTick runs at 168 MHz while an instruction is a nanosecond, it is ((ticks)*125u / 21u). */
#define ASC_COUNTS(ticks) (ticks)

#endif
