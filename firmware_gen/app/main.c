/* Benchmark firmware: the generated engine behind the wire protocol. */
#include "asc_port.h"
#include "asc_server.h"

int main(void) {
    asc_port_init();
    asc_server_run();
    return 0;
}
