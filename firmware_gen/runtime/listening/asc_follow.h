/*
 * From windows to scenes: which place it is now, steady where single windows waver.
 *
 * Formula   p[i] = exp(x[i]) / sum exp(x) of logits x, or x[i] / sum x of probabilities, x = scale * (output - zero);
 *           s = sum of w log max(p, 0.001) / sum of w over all windows, the newest with w = 1 and each one before it
 *           with `keep` times its successor's; the averaged probabilities are exp(s), divided by their sum.
 *           Another label takes the scene's place once it has been said for `dwell` windows, where it is `lead` times
 * as likely; none is said where the likeliest is below `unsure_below` Exact     the rule of `asc-kit live`, in float32:
 * averaged probabilities within 1e-4 of those in float64; measured by tests/codegen/test_listen_c.py
 */
#ifndef ASC_FOLLOW_H
#define ASC_FOLLOW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No scene is likely enough. */
#define ASC_FOLLOW_UNSURE (-1)

typedef struct {
    float keep;         /* exp(-hop / time constant); 0: the newest window alone */
    float lead;         /* how many times as likely as the scene another one must be */
    float unsure_below; /* averaged probability below which no scene is said */
    uint32_t dwell;     /* windows that a scene stays at least */
} asc_follow_settings_t;

/* Outputs of a network with one label per window. */
typedef struct {
    float scale;        /* of the int8 outputs */
    int32_t zero_point; /* of the int8 outputs */
    int32_t n_labels;
    int32_t is_logits; /* 1: logits; 0: probabilities */
} asc_follow_outputs_t;

typedef struct {
    float weight;      /* sum of all w */
    float probability; /* of the likeliest label, averaged */
    int32_t label;     /* the scene: index of a label, or ASC_FOLLOW_UNSURE */
    uint32_t windows;  /* since the scene began, the newest included; stays at 2^32 - 1 */
    int32_t is_new;    /* 1: the newest window began the scene */
    int32_t is_empty;  /* 1: no window since the start */
} asc_follow_t;

/* The settings of `asc-kit live`. */
#define ASC_FOLLOW_TIME_CONSTANT_S 0.35f
#define ASC_FOLLOW_LEAD 2.0f
#define ASC_FOLLOW_DWELL_S 0.5f

/* Writes settings for windows hop_s apart: ASC_FOLLOW_LEAD, and a scene whenever one is likeliest. */
void asc_follow_settle(asc_follow_settings_t *settings, float hop_s, float time_constant_s, float dwell_s);

/* Starts anew, as after samples were lost. */
void asc_follow_start(asc_follow_t *state);

/* Takes the outputs of the next window; logs [n_labels] belongs to the follower. */
void asc_follow_take(const asc_follow_settings_t *settings, const asc_follow_outputs_t *outputs, asc_follow_t *state,
                     float *logs, const int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
