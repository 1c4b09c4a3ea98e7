/* As much of Arduino's PDM library as the generated examples call. */
#ifndef PDM_STUB_H
#define PDM_STUB_H

#include <stddef.h>

struct PdmStub {
    int begin(int channels, int rate_hz);
    void onReceive(void (*receive)());
    int available();
    int read(void *buffer, size_t bytes);
};
extern PdmStub PDM;

#endif
