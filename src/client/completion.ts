/** Scripts with which a shell completes commands, flags, and names and ids of jobs. */

import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Completed {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly { readonly names: readonly string[]; readonly description: string }[];
  /** Its arguments are jobs. */
  readonly jobs: boolean;
}

/** The script for a shell, from the commands that the program has. */
export const completionScript = (shell: Shell, program: Command): string =>
  SCRIPTS[shell](
    program.commands.map((command) => ({
      name: command.name(),
      description: command.description(),
      flags: command.options.map(({ short, long, description }) => ({
        names: [short, long].filter((name) => typeof name === 'string'),
        description,
      })),
      jobs: command.registeredArguments.some((argument) => /^jobs?$/.test(argument.name())),
    })),
  );

/** Prints names and ids of the newest jobs, one per line. */
const JOBS = 'cloister list --limit 50 2>/dev/null | tail -n +2 | cut -f1,6 | tr "\\t" "\\n" | grep -vx -e -';

const words = ({ flags }: Completed): string => flags.flatMap(({ names }) => names).join(' ');

const bash = (commands: readonly Completed[]): string => `# bash: eval "$(cloister completion bash)"
_cloister() {
  local current=\${COMP_WORDS[COMP_CWORD]} words= jobs=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands.map(({ name }) => name).join(' ')}"
  else
    case \${COMP_WORDS[1]} in
${commands.map((command) => `      ${command.name}) words="${words(command)}" jobs=${command.jobs ? 1 : ''} ;;`).join('\n')}
    esac
    case $current in -*) ;; *) words=; [ -z "$jobs" ] || words="@last $(${JOBS})" ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _cloister cloister
`;

const zsh = (commands: readonly Completed[]): string => `#compdef cloister
# zsh: source <(cloister completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(commands).split('\n').slice(1).join('\n')}`;

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const fish = (commands: readonly Completed[]): string =>
  [
    '# fish: cloister completion fish | source',
    'complete -c cloister -f -n __fish_use_subcommand',
    ...commands.map(
      ({ name, description }) =>
        `complete -c cloister -f -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    ...commands.flatMap(({ name, flags, jobs }) => [
      ...flags.map(({ names, description }) => {
        const spelt = names.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        return `complete -c cloister -n '__fish_seen_subcommand_from ${name}' ${spelt.join(' ')} -d ${quoted(description)}`;
      }),
      ...(jobs
        ? [
            `complete -c cloister -f -n '__fish_seen_subcommand_from ${name}' -a '@last (${JOBS.replaceAll("'", "\\'")})'`,
          ]
        : []),
    ]),
    '',
  ].join('\n');

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Completed[]) => string>> = { bash, zsh, fish };
