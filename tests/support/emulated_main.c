/* Runs the cases of in.bin in the emulator and writes instruction counts and outputs to out.bin, by semihosting.
 *
 * Source: Semihosting for AArch32 and AArch64 (Arm IHI 0100): operation in r0, pointer to its arguments in r1. */
#include <stddef.h>
#include <stdint.h>

#include "asc_board.h"
#include "asc_port.h"
#include "cases.h"

#define SYS_OPEN 0x01u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define SYS_EXIT_EXTENDED 0x20u
#define MODE_READ_BINARY 1u
#define MODE_WRITE_BINARY 5u
#define APPLICATION_EXIT 0x20026u
#define MOST_BYTES 65536u

#define SYSTICK ((volatile uint32_t *)(uintptr_t)0xE000E010u) /* control, reload, value */

void SysTick_Handler(void);
void UART0_RX_Handler(void);
int main(void);

static int8_t input[MOST_BYTES];
static int8_t output[MOST_BYTES];

static uint32_t semihosting(uint32_t operation, const void *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void leave(uint32_t code) {
    const uint32_t arguments[2] = {APPLICATION_EXIT, code};
    semihosting(SYS_EXIT_EXTENDED, arguments);
}

static uint32_t open_file(const char *name, uint32_t mode) {
    size_t length = 0;
    while (name[length] != 0) {
        ++length;
    }
    const uint32_t arguments[3] = {(uint32_t)(uintptr_t)name, mode, (uint32_t)length};
    return semihosting(SYS_OPEN, arguments);
}

/* Returns how many bytes were left undone. */
static uint32_t transfer(uint32_t operation, uint32_t file, const void *data, uint32_t n) {
    const uint32_t arguments[3] = {file, (uint32_t)(uintptr_t)data, n};
    return n == 0u ? 0u : semihosting(operation, arguments);
}

void SysTick_Handler(void) {
}

void UART0_RX_Handler(void) {
}

void asc_server_fault(uint32_t number, uint32_t program_counter) {
    (void)program_counter;
    leave(100u + number);
}

int main(void) {
    const uint32_t in = open_file("in.bin", MODE_READ_BINARY);
    const uint32_t out = open_file("out.bin", MODE_WRITE_BINARY);
    uint32_t index;
    while (transfer(SYS_READ, in, &index, sizeof index) == 0u) {
        if (index >= N_CASES || transfer(SYS_READ, in, input, cases[index].input_bytes) != 0u) {
            leave(2);
        }
        SYSTICK[0] = 0;
        SYSTICK[1] = 0xFFFFFFu;
        SYSTICK[2] = 0;
        SYSTICK[0] = 5;
        cases[index].run(input, output);
        const uint32_t instructions = ASC_INSTRUCTIONS(0xFFFFFFu - SYSTICK[2]);
        transfer(SYS_WRITE, out, &instructions, sizeof instructions);
        transfer(SYS_WRITE, out, output, cases[index].output_bytes);
    }
    leave(0);
    return 0;
}
