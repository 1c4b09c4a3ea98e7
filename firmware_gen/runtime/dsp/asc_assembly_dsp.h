/* clang-format off */ /* assembler, which it does not know */
/*
 * Macros of the assembly kernels for Armv7E-M and Armv8-M with the DSP extension.
 *
 * Words used in all of them:
 *   pair      two int16 values in one register, as SMLAD takes them. Four bytes b0 b1 b2 b3 are widened to the pairs
 *             (b0, b2) and (b1, b3): that is what one SXTB16 and one more after a rotation by 8 give.
 *   raised    a weight times 256: the pair (b1, b3) is then one AND, (b0, b2) one AND of the shifted word. Sums are
 *             raised too, which makes requantization constants easy to find (prescale 8 of formula (15'')).
 *   form      how accumulators become outputs: ASC_FORM_* in asc_kernels_dsp.h.
 *
 * Registers r0 to r3 and r12 are the caller's to lose, the others are saved; the stack is 8-aligned at calls.
 */

/* Begins a function that C calls. */
.macro asc_function name
    .syntax unified
    .thumb
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .type \name, %function
    .thumb_func
\name:
.endm

.macro asc_end name
    .size \name, . - \name
.endm

/* The int16 pairs (b0, b2) and (b1, b3) of the four bytes of a word; `odd` may be `word`. */
.macro asc_widen even, odd, word
    sxtb16 \even, \word
    sxtb16 \odd, \word, ror #8
.endm

/* Confines a number to a range. */
.macro asc_clamp value, least, most
    cmp \value, \least
    it lt
    movlt \value, \least
    cmp \value, \most
    it gt
    movgt \value, \most
.endm

/* ASC_FORM_POSITIVE: formula (15'') with shift 12 and no constant of negative sums. */
.macro asc_requantize_positive acc, multiplier, rounding
    smmla \acc, \acc, \multiplier, \rounding
    ssat \acc, #8, \acc, asr #12
.endm

/* ASC_FORM_SIGNED: formula (15'') with shift 13. The sign is 0 or -1. */
.macro asc_requantize_signed acc, multiplier, rounding, negative, sign
    asr \sign, \acc, #31
    smmla \acc, \acc, \multiplier, \rounding
    mla \acc, \sign, \negative, \acc
    ssat \acc, #8, \acc, asr #13
.endm

/*
 * Variables that an inner loop wants again and again are *kept*: in floating-point registers where there are any, those
 * that functions need not preserve, else on the stack. To move one of these takes a cycle and waits for nothing; a load
 * takes two, unless another one stands behind it. A Cortex-M7 waits three cycles for a move, so ASC_STACK_VARIABLES is
 * among its compiler options. `slot` is the place on the stack.
 */
#if defined(__ARM_FP) && !defined(ASC_STACK_VARIABLES)
.macro kept name, number, slot
    kept_\name .req s\number
.endm
.macro keep name, register
    vmov kept_\name, \register
.endm
.macro fetch register, name
    vmov \register, kept_\name
.endm
/* Two with neighbouring numbers. */
.macro keep_2 name, other, register, second
    vmov kept_\name, kept_\other, \register, \second
.endm
.macro fetch_2 register, second, name, other
    vmov \register, \second, kept_\name, kept_\other
.endm
#else
.macro kept name, number, slot
    .equ kept_\name, \slot
.endm
.macro keep name, register
    str \register, [sp, #kept_\name]
.endm
.macro fetch register, name
    ldr \register, [sp, #kept_\name]
.endm
.macro keep_2 name, other, register, second
    keep \name, \register
    keep \other, \second
.endm
.macro fetch_2 register, second, name, other
    fetch \register, \name
    fetch \second, \other
.endm
#endif
