/* What the shared port must know of this board.
 *
 * Source: Arm DAI 0385 (memory map, interrupts). */
#ifndef ASC_BOARD_H
#define ASC_BOARD_H

#define ASC_UART_BASE 0x40004000u /* CMSDK UART 0 */
#define ASC_UART_CLOCK_HZ 25000000u
#define ASC_UART_RX_INTERRUPT 0 /* a bare number: the vector table's assembler reads it too */

/* -icount shift=0: one instruction is 1 ns of virtual time; SysTick runs at 25 MHz. */
#define ASC_INSTRUCTIONS(ticks) ((ticks)*40u)

#endif
