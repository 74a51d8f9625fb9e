/*
 * Keeps what a cell has changed of its image: copies its writable layer, which is in memory, into "layer" of the job's
 * folder, as a layer of an image: "layer/root" with the files and "layer/about" with what is known of them, in the form
 * of unpack.h.
 */
#ifndef KEEP_H
#define KEEP_H

#include "plan.h"

/*
 * Copies the layer, of which `upper` is the folder. Nothing may change it meanwhile: the cell is frozen, or gone. The
 * owners become those that images have. A folder "layer" of an earlier call is replaced.
 *
 * Returns NULL, or why that is not possible, in a few words.
 */
const char *keep_layer(const struct plan *plan, int upper);

#endif
