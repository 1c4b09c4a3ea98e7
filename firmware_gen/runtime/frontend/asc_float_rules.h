/*
 * How a compiler has to treat the floats of a file that includes this one, before everything else.
 *
 * A product and a sum may not become one fused operation, nor may sums be reordered: the features would have other bits
 * than on other cores. GCC fuses unless it is told C99 strictly (-std=c99), and ignores the standard's pragma. So the
 * file itself forbids it, whatever the flags of a build; tests/codegen/test_library.py compares the features.
 */
#ifndef ASC_FLOAT_RULES_H
#define ASC_FLOAT_RULES_H

#ifdef __FAST_MATH__
#error "the front end's floats need IEEE arithmetic: compile the engine without -ffast-math and -Ofast"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#endif
