export { type CellIds, type CellIdsOptions, findCellIds, IdsError } from './cell-ids.ts';
export { MOST_IDS } from './map.ts';
