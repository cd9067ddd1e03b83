// verify_chance.h: chance that follows from a seed (splitmix64, G. Steele, D. Lea, C. Flood, OOPSLA 2014).

#ifndef VERIFY_CHANCE_H
#define VERIFY_CHANCE_H

#include <stdint.h>

static inline uint64_t verify_chance(uint64_t *state) {
    uint64_t word = (*state += 0x9e3779b97f4a7c15u);
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

#endif
