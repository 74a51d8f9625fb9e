// Vitest's reporter and sequencer of all lanes: how far a run is, how long it will take, the longest files first.
import { performance } from 'node:perf_hooks';
import { BaseSequencer, DefaultReporter, type TestModule, type TestSpecification } from 'vitest/node';
import { type Costs, costOf, inWords, readCosts, secondsFor } from './costs.ts';

export interface ProgressOptions {
  /** Path of a file of costs. */
  readonly costs: string;
}

/** Set, the reporter closes with the seconds of each file as JSON, for the file of costs. */
const RECORD = 'CLOISTER_PRINT_COSTS';

/** The default reporter without its live summary, which says in lines what begins and how much is left. */
export class ProgressReporter extends DefaultReporter {
  readonly #costs: Costs;
  readonly #measured = new Map<string, number>();
  #waiting = new Set<string>();
  #count = 0;
  #start = 0;
  #expected = 0;

  constructor({ costs }: ProgressOptions) {
    super({ summary: false });
    this.#costs = readCosts(costs);
  }

  override onTestRunStart(specifications: readonly TestSpecification[]): void {
    super.onTestRunStart(specifications);
    const files = specifications.map(({ moduleId }) => this.relative(moduleId));
    this.#waiting = new Set(files);
    this.#count = files.length;
    this.#start = performance.now();
    this.#expected = this.#left();
    const workers = this.#workers === 1 ? 'one after the other' : `${this.#workers} at a time`;
    this.log(`${files.length} files, ${workers}: about ${inWords(this.#expected)} on a quiet machine`);
  }

  onTestModuleStart(module: TestModule): void {
    this.log(` · ${module.relativeModuleId} begins`);
  }

  override onTestModuleEnd(module: TestModule): void {
    super.onTestModuleEnd(module);
    const file = module.relativeModuleId;
    const now = performance.now();
    this.#measured.set(file, secondsOf(module));
    this.#waiting.delete(file);
    const left = this.#left();
    // As slow as it was so far.
    const done = this.#expected - left;
    const pace = done > 0 ? (now - this.#start) / 1000 / done : 1;
    const rest = this.#waiting.size === 0 ? '' : `, about ${inWords(left * pace)} left`;
    this.log(`   ${this.#measured.size} of ${this.#count} files${rest}`);
  }

  override onTestRunEnd(...parameters: Parameters<DefaultReporter['onTestRunEnd']>): void {
    super.onTestRunEnd(...parameters);
    if (process.env[RECORD] === undefined) return;
    const rounded = [...this.#measured].map(([file, seconds]) => [file, Math.round(seconds * 10) / 10]);
    this.log(`costs ${JSON.stringify(Object.fromEntries(rounded))}`);
  }

  get #workers(): number {
    return this.ctx.config.maxWorkers;
  }

  #left(): number {
    return secondsFor([...this.#waiting], this.#costs, this.#workers);
  }
}

/** From the start of its worker to the end of its last hook. */
const secondsOf = (module: TestModule): number => {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } =
    module.diagnostic();
  return (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1000;
};

/** Files in the order of their cost, so that no long one is left for the end. */
export const sequencerBy = (path: string): typeof BaseSequencer => {
  const costs = readCosts(path);
  return class extends BaseSequencer {
    override sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
      const cost = costOf(costs);
      const secondsOf = ({ moduleId, project }: TestSpecification): number =>
        cost(moduleId.slice(project.config.root.length + 1));
      return Promise.resolve(specifications.toSorted((one, other) => secondsOf(other) - secondsOf(one)));
    }
  };
};
