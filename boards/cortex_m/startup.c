/* Start-up of a Cortex-M of Armv7-M or Armv8-M Mainline: vectors, floating-point unit, initial memory, faults. What the
 * core has, the compiler knows from -mcpu.
 *
 * Source: Armv7-M Architecture Reference Manual (DDI 0403), B1.5 exceptions, B3.2 system control space; Armv8-M
 * Architecture Reference Manual (DDI 0553), B3.21 stack limit checks. */
#include <stdint.h>

#include "asc_board.h"
#include "asc_port.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_SHCSR REGISTER(0xE000ED24u)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_CPACR REGISTER(0xE000ED88u)
#define AIRCR_SYSRESETREQ 0x05FA0004u         /* key in the upper half */
#define CPACR_FULL_ACCESS_TO_FPU (0xFu << 20) /* and to vectors: MVE is under the same two bits */
#define SHCSR_ENABLE_FAULTS (7u << 16)        /* MemManage, BusFault, UsageFault */
#define STACKED_PC 6                          /* word of the exception frame: r0-r3, r12, lr, pc, xpsr */

/* Armv8-M refuses to move the stack pointer below a limit; Armv7-M has the MPU put a hole there. */
#if __ARM_ARCH >= 8
#define CFSR_STACK_OVERFLOW (1u << 20)
#else
#define CFSR_STACK_OVERFLOW 0u /* the exception frame would lie in the hole */
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)
#define CTRL_ENABLE_WITH_DEFAULT_MAP 5u
#define RBAR_REGION_0 0x10u                                /* valid, number 0 */
#define RASR_NO_ACCESS_1_MB ((1u << 28) | (19u << 1) | 1u) /* no execution, no access, 2^(19 + 1) bytes, enabled */
#define GUARD_BYTES 0x100000u
#endif

/* Value of stack that was never used. */
#define STACK_PAINT 0xA5A5A5A5u

extern uint32_t asc_stack_bottom[], asc_stack_top[];
extern uint32_t asc_data_start[], asc_data_end[];
extern const uint32_t asc_data_load[];
extern uint32_t asc_bss_start[], asc_bss_end[];

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);
/* named by the vectors alone, which an optimizer of whole programs does not read */
__attribute__((used)) void SysTick_Handler(void);
__attribute__((used)) void UART0_RX_Handler(void);
void asc_start(void);
void asc_fault(const uint32_t *frame, uint32_t number);

/* Vector table, up to the one interrupt that is ever enabled. Everything not named is unexpected: the fault handler
 * reports its number. In assembler, where a count can be repeated. */
#define TEXT(token) #token
#define FAULT_VECTORS(n) ".rept " TEXT(n) "\n.word Fault_Handler\n.endr\n"
#define UNNAMED_EXCEPTIONS FAULT_VECTORS(13)
#define UNNAMED_INTERRUPTS FAULT_VECTORS(ASC_UART_RX_INTERRUPT)
__asm__(".pushsection .vectors, \"a\", %progbits\n"
        ".word asc_stack_top, Reset_Handler\n" UNNAMED_EXCEPTIONS ".word SysTick_Handler\n" UNNAMED_INTERRUPTS
        ".word UART0_RX_Handler\n"
        ".popsection\n");

/* The stack pointer is set here too, for loaders that jump instead of resetting. */
__attribute__((naked, used)) void Reset_Handler(void) {
    __asm__ volatile("ldr r0, =asc_stack_top\n"
                     "msr msp, r0\n"
                     "b asc_start\n");
}

/* Below the stack there is no memory, but not every board objects to its use. */
static void guard_stack(void) {
#if __ARM_ARCH >= 8
    __asm__ volatile("msr msplim, %0" ::"r"(asc_stack_bottom));
#else
    MPU_RBAR = ((uint32_t)(uintptr_t)asc_stack_bottom - GUARD_BYTES) | RBAR_REGION_0;
    MPU_RASR = RASR_NO_ACCESS_1_MB;
    MPU_CTRL = CTRL_ENABLE_WITH_DEFAULT_MAP;
#endif
}

__attribute__((used, noreturn)) void asc_start(void) {
    const uint32_t *source = asc_data_load;

    /* A fault of its own for each kind: were all HardFaults, the fault of entering one on a stack that is full would
     * lock the core up. */
    SCB_SHCSR |= SHCSR_ENABLE_FAULTS;
    guard_stack();
#ifdef __ARM_FP
    SCB_CPACR |= CPACR_FULL_ACCESS_TO_FPU;
#endif
    __asm__ volatile("dsb\n isb" ::: "memory");

    /* volatile: a compiler must not make calls of memcpy or memset of these */
    for (volatile uint32_t *word = asc_data_start; word < asc_data_end; word++) {
        *word = *source++;
    }
    for (volatile uint32_t *word = asc_bss_start; word < asc_bss_end; word++) {
        *word = 0;
    }
    {
        /* down to a little below this function's own frame, which is at the top */
        volatile uint32_t *limit = (volatile uint32_t *)__builtin_frame_address(0) - 32;
        for (volatile uint32_t *word = asc_stack_bottom; word < limit; word++) {
            *word = STACK_PAINT;
        }
    }
    main();
    for (;;) {
        __asm__ volatile("wfi");
    }
}

/* A fault may have been the stack's overflow: begin again at its top, with the old frame's address in hand. */
__attribute__((naked, used)) void Fault_Handler(void) {
    __asm__ volatile("mrs r0, msp\n"
                     "mrs r1, ipsr\n"
                     "ldr r2, =asc_stack_top\n"
                     "msr msp, r2\n"
                     "b asc_fault\n");
}

/* Tells the host and starts over: a board that faulted can be asked again. */
__attribute__((used, noreturn)) void asc_fault(const uint32_t *frame, uint32_t number) {
    uint32_t program_counter = 0;

    if ((SCB_CFSR & CFSR_STACK_OVERFLOW) == 0 && frame >= asc_stack_bottom && frame + STACKED_PC < asc_stack_top) {
        program_counter = frame[STACKED_PC];
    }
    asc_server_fault(number, program_counter);
    SCB_AIRCR = AIRCR_SYSRESETREQ;
    __asm__ volatile("dsb" ::: "memory");
    for (;;) {
    }
}

uint32_t asc_port_stack_size(void) {
    return (uint32_t)((uintptr_t)asc_stack_top - (uintptr_t)asc_stack_bottom);
}

uint32_t asc_port_stack_used(void) {
    const volatile uint32_t *word = asc_stack_bottom;

    while (word < asc_stack_top && *word == STACK_PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)asc_stack_top - (uintptr_t)word);
}
