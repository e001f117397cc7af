/* What the self-test's sketch needs of Arduino's core, on this machine. */
#ifndef ARDUINO_H
#define ARDUINO_H
#include <cstdint>
#include <cstdio>
struct Port {
    void begin(long) {}
    void print(const char *text) { std::fputs(text, stdout); }
    void println(const char *text) { std::puts(text); }
};
static Port Serial;
#endif
