/* What the functions of a network answer. */
#ifndef ASC_STATUS_H
#define ASC_STATUS_H

typedef enum {
    ASC_OK = 0,
    ASC_ERROR_NULL = 1,            /* a pointer is null */
    ASC_ERROR_NOT_INITIALIZED = 2, /* asc_init has not been called for this state */
    ASC_ERROR_NO_INPUT = 3,        /* the input is not complete, or a run has consumed it */
    ASC_ERROR_RUNNING = 4,         /* the state already runs, in a thread or an interrupt, or in pieces */
    ASC_MORE = 5                   /* no error: a run in pieces has more to do */
} asc_status_t;

#endif
