/** Scripts with which a shell completes commands, flags, and names and ids of jobs. */

import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Completed {
  /** The words of the command: `run`, or `token create`. */
  readonly path: readonly [string, ...string[]];
  readonly description: string;
  readonly flags: readonly { readonly names: readonly string[]; readonly description: string }[];
  /** Its arguments are jobs. */
  readonly jobs: boolean;
  /** The values of its argument, where these are known: shells, or subcommands. */
  readonly values: readonly string[];
}

/** The completion script for a shell, made from the commands of the program. */
export const completionScript = (shell: Shell, program: Command): string =>
  SCRIPTS[shell](program.commands.flatMap((command) => completed(command)));

/** A command and its subcommands. */
const completed = (command: Command, above: readonly string[] = []): readonly Completed[] => {
  const [first = '', ...rest] = [...above, command.name()];
  const path = [first, ...rest] as const;
  return [
    {
      path,
      description: command.description(),
      flags: command.options.map(({ short, long, description }) => ({
        names: [short, long].filter((name) => typeof name === 'string'),
        description,
      })),
      jobs: command.registeredArguments.some((argument) => /^jobs?$/.test(argument.name())),
      values: command.name() === 'completion' ? SHELLS : command.commands.map((below) => below.name()),
    },
    ...command.commands.flatMap((below) => completed(below, path)),
  ];
};

/** Prints names and ids of the newest jobs, one per line. */
const JOBS = 'cloister list --limit 50 2>/dev/null | tail -n +2 | cut -f1,6 | tr "\\t" "\\n" | grep -vx -e -';

const isTop = ({ path }: Completed): boolean => path.length === 1;
const isGroup = (command: Completed, commands: readonly Completed[]): boolean =>
  commands.some(({ path }) => path.length > 1 && path[0] === command.path[0]);

const bash = (commands: readonly Completed[]): string => {
  const groups = commands.filter((command) => isTop(command) && isGroup(command, commands));
  const cases = commands.map(({ path, flags, jobs, values }) => {
    const names = flags.flatMap((flag) => flag.names).join(' ');
    return `      "${path.join(' ')}") flags="${names}" values="${values.join(' ')}" jobs=${jobs ? 1 : ''} ;;`;
  });
  return `# bash: eval "$(cloister completion bash)"
_cloister() {
  local current=\${COMP_WORDS[COMP_CWORD]} path=\${COMP_WORDS[1]} flags= values= jobs= words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands
      .filter(isTop)
      .map(({ path }) => path[0])
      .join(' ')}"
  else
    case $path in ${groups.map(({ path }) => path[0]).join(' | ')}) [ "$COMP_CWORD" -eq 2 ] || path="$path \${COMP_WORDS[2]}" ;; esac
    case $path in
${cases.join('\n')}
    esac
    words=$values
    case $current in -*) words=$flags ;; *) [ -z "$jobs" ] || words="@last $(${JOBS})" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _cloister cloister
`;
};

const zsh = (commands: readonly Completed[]): string => `#compdef cloister
# zsh: source <(cloister completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(commands).split('\n').slice(1).join('\n')}`;

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const fish = (commands: readonly Completed[]): string => {
  const seen = (words: readonly string[]): string => `__fish_seen_subcommand_from ${words.join(' ')}`;
  const groups = commands.filter((command) => isTop(command) && isGroup(command, commands));
  const below = new Set(commands.flatMap(({ path }) => path.slice(1)));
  const inside = (command: Completed): string => {
    const { path } = command;
    if (path.length > 1) return path.map((word) => seen([word])).join('; and ');
    // The same word may be a subcommand of another one.
    if (below.has(path[0])) return `${seen(path)}; and not ${seen(groups.map((group) => group.path[0]))}`;
    return groups.includes(command) ? `${seen(path)}; and not ${seen(command.values)}` : seen(path);
  };
  return [
    '# fish: cloister completion fish | source',
    'complete -c cloister -f -n __fish_use_subcommand',
    ...commands
      .filter(isTop)
      .map(
        ({ path, description }) =>
          `complete -c cloister -f -n __fish_use_subcommand -a ${path[0]} -d ${quoted(description)}`,
      ),
    ...commands.flatMap((command) => [
      ...command.flags.map(({ names, description }) => {
        const spelt = names.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        return `complete -c cloister -n '${inside(command)}' ${spelt.join(' ')} -d ${quoted(description)}`;
      }),
      ...command.values.map((value) => {
        const path = [...command.path, value].join(' ');
        const description = commands.find((other) => other.path.join(' ') === path)?.description;
        const shown = description === undefined ? '' : ` -d ${quoted(description)}`;
        return `complete -c cloister -f -n '${inside(command)}' -a ${value}${shown}`;
      }),
      ...(command.jobs
        ? [`complete -c cloister -f -n '${inside(command)}' -a '@last (${JOBS.replaceAll("'", "\\'")})'`]
        : []),
    ]),
    '',
  ].join('\n');
};

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Completed[]) => string>> = { bash, zsh, fish };
