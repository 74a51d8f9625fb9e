/** User and group ids of cells. */

export {
  type CellIds,
  type CellIdsOptions,
  findCellIds,
  IdsError,
  type JobIds,
  mayMakeDevices,
} from './cell-ids.ts';
export { MOST_IDS } from './map.ts';
export { IdSlots, slotsOf } from './slots.ts';
