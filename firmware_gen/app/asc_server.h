/* The protocol server: answers the host's requests with the generated engine. */
#ifndef ASC_SERVER_H
#define ASC_SERVER_H

/* Serves until the line is closed, which on a board is never. */
void asc_server_run(void);

#endif
