/* From powers to magnitudes, in a file of its own because it needs the C library's square root. */
#include "asc_float_rules.h"

#include "asc_frontend_f32.h"

#include <math.h>

void asc_frontend_magnitude_f32(float *work, int32_t n_fft) {
    for (int32_t k = 0; k <= n_fft; k += 2) {
        work[k] = sqrtf(work[k]);
    }
}
