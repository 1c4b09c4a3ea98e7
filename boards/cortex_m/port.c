/* Port of the Arm MPS boards: serial line and timer. What differs between them is in asc_board.h.
 *
 * Source: DDI 0479 (CMSDK UART), DDI 0403 (SysTick, NVIC). */
#include "asc_board.h"
#include "asc_port.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define UART_DATA REGISTER(ASC_UART_BASE)
#define UART_STATE REGISTER(ASC_UART_BASE + 0x04u)
#define UART_CTRL REGISTER(ASC_UART_BASE + 0x08u)
#define UART_INTCLEAR REGISTER(ASC_UART_BASE + 0x0Cu)
#define UART_BAUDDIV REGISTER(ASC_UART_BASE + 0x10u)
#define STATE_TX_FULL (1u << 0)
#define CTRL_TX_ENABLE (1u << 0)
#define CTRL_RX_ENABLE (1u << 1)
#define CTRL_RX_INTERRUPT (1u << 3)
#define INTCLEAR_RX (1u << 1)
#define BAUD_RATE 921600u

#define NVIC_ISER(interrupt) REGISTER(0xE000E100u + 4u * ((interrupt) / 32u))
#define NVIC_ICER(interrupt) REGISTER(0xE000E180u + 4u * ((interrupt) / 32u))
#define NVIC_BIT(interrupt) (1u << ((interrupt) % 32u))

#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define CSR_ENABLE_WITH_INTERRUPT 7u /* enable, interrupt, processor clock */
#define SYSTICK_RELOAD 0xFFFFFFu

/* Longer than a frame, a power of two. The host sends one request and waits, so this cannot overflow unless the
 * line misbehaves; then bytes are lost and the checksum tells. */
#define RING_BYTES 2048u

/* named by the vectors alone, which an optimizer of whole programs does not read */
__attribute__((used)) void UART0_RX_Handler(void);
__attribute__((used)) void SysTick_Handler(void);

static volatile uint8_t ring[RING_BYTES];
static volatile uint32_t ring_head; /* bytes ever received */
static volatile uint32_t ring_tail; /* bytes ever taken */
static volatile uint32_t timer_wraps;

void asc_port_init(void) {
    UART_BAUDDIV = ASC_UART_CLOCK_HZ / BAUD_RATE;
    UART_CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT;
    /* Discards what came before the start. An emulator takes the reading as the sign that bytes are welcome from now
     * on; without it, it may wait for a second. A frame's first byte is a delimiter: none is missed. */
    (void)UART_DATA;
    NVIC_ISER(ASC_UART_RX_INTERRUPT) = NVIC_BIT(ASC_UART_RX_INTERRUPT);
}

void UART0_RX_Handler(void) {
    /* acknowledge before taking the byte: in the other order the next byte's interrupt could be the one cleared */
    UART_INTCLEAR = INTCLEAR_RX;
    {
        const uint8_t byte = (uint8_t)UART_DATA;
        const uint32_t head = ring_head;
        if (head - ring_tail < RING_BYTES) {
            ring[head % RING_BYTES] = byte;
            ring_head = head + 1u;
        }
    }
}

/* Sleeps while nothing comes. An emulator hands over 3 times as many bytes per second to a sleeping core as to one
 * that polls the line's registers. */
int asc_port_read_byte(void) {
    uint8_t byte;

    while (ring_head == ring_tail) {
        /* with interrupts masked a byte that comes now still ends wfi, so that it cannot be slept through */
        __asm__ volatile("cpsid i" ::: "memory");
        if (ring_head == ring_tail) {
            __asm__ volatile("wfi");
        }
        __asm__ volatile("cpsie i" ::: "memory");
    }
    byte = ring[ring_tail % RING_BYTES];
    ring_tail = ring_tail + 1u;
    return byte;
}

void asc_port_write(const uint8_t *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        while ((UART_STATE & STATE_TX_FULL) != 0) {
        }
        UART_DATA = data[i];
    }
}

/* Restarting SysTick aligns its tick with the code, so that counts repeat exactly from run to run. For the same reason
 * nothing is received until the timer is read: what comes while the board computes is a request made again by a host
 * out of patience, which may wait or be lost, but its bytes' interrupts would count as the network's. */
void asc_port_timer_start(void) {
    NVIC_ICER(ASC_UART_RX_INTERRUPT) = NVIC_BIT(ASC_UART_RX_INTERRUPT);
    __asm__ volatile("dsb\n isb" ::: "memory");
    SYST_CSR = 0;
    timer_wraps = 0;
    SYST_RVR = SYSTICK_RELOAD;
    SYST_CVR = 0;
    SYST_CSR = CSR_ENABLE_WITH_INTERRUPT;
}

/* SysTick has 24 bits, half a billion instructions and more; the interrupt counts its wraps. */
void SysTick_Handler(void) {
    timer_wraps = timer_wraps + 1u;
}

uint64_t asc_port_timer_elapsed(void) {
    uint32_t wraps;
    uint32_t value;

    do {
        wraps = timer_wraps;
        value = SYST_CVR;
    } while (wraps != timer_wraps);
    NVIC_ISER(ASC_UART_RX_INTERRUPT) = NVIC_BIT(ASC_UART_RX_INTERRUPT);
    /* the first tick loads the counter: 0 stands for "not loaded yet" */
    if (value == 0) {
        return ASC_INSTRUCTIONS((uint64_t)wraps * (SYSTICK_RELOAD + 1u));
    }
    return ASC_INSTRUCTIONS((uint64_t)wraps * (SYSTICK_RELOAD + 1u) + (SYSTICK_RELOAD - value));
}
