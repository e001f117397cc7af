/* What the self-test's sketch needs of Arduino's core, on this machine and on an AVR. */
#ifndef ARDUINO_H
#define ARDUINO_H
#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
struct Port {
    void begin(long) { UCSR0B = _BV(TXEN0); }
    void print(const char *text)
    {
        for (; *text != '\0'; text++) {
            loop_until_bit_is_set(UCSR0A, UDRE0);
            UDR0 = (uint8_t)*text;
        }
    }
    void println(const char *text)
    {
        print(text);
        print("\n");
    }
};
#else
#include <cstdint>
#include <cstdio>
struct Port {
    void begin(long) {}
    void print(const char *text) { std::fputs(text, stdout); }
    void println(const char *text) { std::puts(text); }
};
#endif
static Port Serial;
#endif
