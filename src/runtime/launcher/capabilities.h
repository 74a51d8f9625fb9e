/* The capabilities of this process (capabilities(7)), as bit sets. */
#ifndef CAPABILITIES_H
#define CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

/* Makes the effective and the permitted set this one, and the inheritable set empty. False with errno. */
bool set_capabilities(uint64_t set);

/*
 * Removes all capabilities but those in `bounds` from the bounding set, which limits what root of the cell has after an
 * exec, and all from the ambient set. False with errno.
 */
bool bound_capabilities(uint64_t bounds);
/* Drops every capability except those in `keep`, and all from the bounding set. False with errno. */
bool drop_capabilities(uint64_t keep);

/* Makes all permitted capabilities effective, as they are for root before it takes another effective id. False with
 * errno. */
bool raise_capabilities(void);

#endif
