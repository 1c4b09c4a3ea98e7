/* Whether a core has the short Thumb instructions alone: Armv6-M and Armv8-M Baseline, such as Cortex-M0+. */
#ifndef ASC_SHORT_THUMB_H
#define ASC_SHORT_THUMB_H

#if defined(__thumb__) && !defined(__thumb2__) && defined(__ARM_ARCH_PROFILE)
#if __ARM_ARCH_PROFILE == 'M'
#define ASC_SHORT_THUMB
#endif
#endif

#endif
