/* Port of a board: serial line and timer. The functions are those of asc_port.h. The kit's startup.c has the others,
 * asc_port_stack_size and asc_port_stack_used, and calls two handlers that are here:
 *
 *   UART0_RX_Handler   interrupt ASC_UART_RX_INTERRUPT: a byte has come. The name is the vector table's, whatever the
 *                      line is called on your part.
 *   SysTick_Handler    exception 15.
 *
 * What is the vendor's is in the first part. Source: RM0090, 7 (RCC), 8 (GPIO), 30 (USART); DDI 0403, B3.3 (SysTick),
 * B3.4 (NVIC), C1.8 (DWT). */
#include "asc_board.h"
#include "asc_port.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* named by the vectors alone, which an optimizer of whole programs does not read */
__attribute__((used)) void UART0_RX_Handler(void);
__attribute__((used)) void SysTick_Handler(void);

/* ---- the vendor's part: clocks, pins, UART ---- */

#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_APB1ENR REGISTER(0x40023840u)
#define AHB1ENR_GPIOA (1u << 0)
#define APB1ENR_USART2 (1u << 17)
#define GPIOA_MODER REGISTER(0x40020000u)
#define GPIOA_AFRL REGISTER(0x40020020u)
#define PA2_PA3_MODER_MASK (0xFu << 4)
#define PA2_PA3_ALTERNATE (0xAu << 4)
#define PA2_PA3_AFRL_MASK (0xFFu << 8)
#define PA2_PA3_AF7 (0x77u << 8)

#define UART_SR REGISTER(ASC_UART_BASE)
#define UART_DR REGISTER(ASC_UART_BASE + 0x04u)
#define UART_BRR REGISTER(ASC_UART_BASE + 0x08u)
#define UART_CR1 REGISTER(ASC_UART_BASE + 0x0Cu)
#define SR_OVERRUN (1u << 3)
#define SR_RECEIVED (1u << 5)
#define SR_TX_EMPTY (1u << 7)
#define CR1_ENABLE ((1u << 13) | (1u << 5) | (1u << 3) | (1u << 2)) /* UART, receive interrupt, transmit, receive */

/* The clock stays as it is after reset. Whoever raises it changes ASC_UART_CLOCK_HZ and clock_hz in board.toml too. */
static void uart_init(void) {
    RCC_AHB1ENR |= AHB1ENR_GPIOA;
    RCC_APB1ENR |= APB1ENR_USART2;
    (void)RCC_APB1ENR; /* a peripheral may be written two cycles after its clock is on */
    GPIOA_MODER = (GPIOA_MODER & ~PA2_PA3_MODER_MASK) | PA2_PA3_ALTERNATE;
    GPIOA_AFRL = (GPIOA_AFRL & ~PA2_PA3_AFRL_MASK) | PA2_PA3_AF7;
    UART_BRR = (ASC_UART_CLOCK_HZ + ASC_UART_BAUD_RATE / 2u) / ASC_UART_BAUD_RATE;
    UART_CR1 = CR1_ENABLE;
}

/* Takes a byte if one has come; reading it also acknowledges the interrupt and an overrun. */
static int uart_take(uint8_t *byte) {
    if ((UART_SR & (SR_RECEIVED | SR_OVERRUN)) == 0) {
        return 0;
    }
    *byte = (uint8_t)UART_DR;
    return 1;
}

static void uart_send(uint8_t byte) {
    while ((UART_SR & SR_TX_EMPTY) == 0) {
    }
    UART_DR = byte;
}

/* ---- the serial line: the same on every Cortex-M ---- */

#define NVIC_ISER(interrupt) REGISTER(0xE000E100u + 4u * ((interrupt) / 32u))
#define NVIC_ICER(interrupt) REGISTER(0xE000E180u + 4u * ((interrupt) / 32u))
#define NVIC_BIT(interrupt) (1u << ((interrupt) % 32u))

/* Longer than a frame, a power of two. The host sends one request and waits, so this cannot overflow unless the line
 * misbehaves; then bytes are lost and the checksum tells. */
#define RING_BYTES 2048u

static volatile uint8_t ring[RING_BYTES];
static volatile uint32_t ring_head; /* bytes ever received */
static volatile uint32_t ring_tail; /* bytes ever taken */

/* Takes all that has come: QEMU drops the interrupt of a byte that arrives while the one before it is read. */
void UART0_RX_Handler(void) {
    uint8_t byte;

    while (uart_take(&byte)) {
        const uint32_t head = ring_head;
        if (head - ring_tail < RING_BYTES) {
            ring[head % RING_BYTES] = byte;
            ring_head = head + 1u;
        }
    }
}

/* Sleeps while nothing comes. */
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
        uart_send(data[i]);
    }
}

/* ---- the timer: counts in 64 bits, with an interrupt of SysTick before 24 or 32 bits are full ---- */

#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define CSR_ENABLE_WITH_INTERRUPT 7u /* enable, interrupt, processor clock */
#define SYSTICK_RELOAD 0xFFFFFFu

static void systick_start(void) {
    SYST_CSR = 0;
    SYST_RVR = SYSTICK_RELOAD;
    SYST_CVR = 0;
    SYST_CSR = CSR_ENABLE_WITH_INTERRUPT;
}

#if ASC_HAS_CYCLE_COUNTER

#define DEMCR REGISTER(0xE000EDFCu)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DWT_LAR REGISTER(0xE0001FB0u)
#define CTRL_CYCCNTENA 1u
#define LAR_KEY 0xC5ACCE55u /* Cortex-M7 locks the registers; others ignore the write */

static volatile uint32_t timer_seen;  /* the counter when it was last read */
static volatile uint64_t timer_total; /* cycles until then */

static void timer_init(void) {
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = LAR_KEY;
    DWT_CYCCNT = 0;
    DWT_CTRL |= CTRL_CYCCNTENA;
}

static void timer_zero(void) {
    systick_start();
    timer_total = 0;
    timer_seen = DWT_CYCCNT;
}

void SysTick_Handler(void) {
    const uint32_t now = DWT_CYCCNT;

    timer_total += now - timer_seen;
    timer_seen = now;
}

static uint64_t timer_ticks(void) {
    uint64_t ticks;

    __asm__ volatile("cpsid i" ::: "memory");
    ticks = timer_total + (DWT_CYCCNT - timer_seen);
    __asm__ volatile("cpsie i" ::: "memory");
    return ticks;
}

#else

static volatile uint32_t timer_wraps;

static void timer_init(void) {
}

static void timer_zero(void) {
    timer_wraps = 0;
    systick_start();
}

void SysTick_Handler(void) {
    timer_wraps = timer_wraps + 1u;
}

static uint64_t timer_ticks(void) {
    uint32_t wraps;
    uint32_t value;

    do {
        wraps = timer_wraps;
        value = SYST_CVR;
    } while (wraps != timer_wraps);
    /* the first tick loads the counter: 0 stands for "not loaded yet" */
    return (uint64_t)wraps * (SYSTICK_RELOAD + 1u) + (value == 0 ? 0 : SYSTICK_RELOAD - value);
}

#endif

/* Nothing is received until the timer is read: what comes while the board computes is a request made again by a host
 * out of patience, which may wait or be lost, but its bytes' interrupts would count as the network's. */
void asc_port_timer_start(void) {
    NVIC_ICER(ASC_UART_RX_INTERRUPT) = NVIC_BIT(ASC_UART_RX_INTERRUPT);
    __asm__ volatile("dsb\n isb" ::: "memory");
    timer_zero();
}

uint64_t asc_port_timer_elapsed(void) {
    const uint64_t ticks = timer_ticks();

    NVIC_ISER(ASC_UART_RX_INTERRUPT) = NVIC_BIT(ASC_UART_RX_INTERRUPT);
    return ASC_COUNTS(ticks);
}

void asc_port_init(void) {
    uart_init();
    timer_init();
    NVIC_ISER(ASC_UART_RX_INTERRUPT) = NVIC_BIT(ASC_UART_RX_INTERRUPT);
}
