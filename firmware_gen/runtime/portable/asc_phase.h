/* Where a state stands: numbers that memory which nobody has written rarely holds. */
#ifndef ASC_PHASE_H
#define ASC_PHASE_H

#define PHASE_STARTED 0x41534331u  /* there is no input, or not all of it */
#define PHASE_FILLED 0x41534332u   /* there is one */
#define PHASE_RUNNING 0x41534333u  /* the network runs */
#define PHASE_PIECES 0x41534334u   /* a piece of it has run */
#define PHASE_FINISHED 0x41534335u /* there is an output */

#endif
