// gyre_seat_parts.h: what gyre_dispatch.c and gyre_seat.c share. Not part of the interface.

#ifndef GYRE_SEAT_PARTS_H
#define GYRE_SEAT_PARTS_H

#include "gyre_dispatch.h"

/// Gives a new pool its number, and makes it known to threads that end: they leave their seats only in pools that live.
void gyre_registry_add(gyre_dispatch *dispatch);
/// Before a pool is freed.
void gyre_registry_remove(gyre_dispatch *dispatch);

#endif
