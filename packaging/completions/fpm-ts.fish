# fish completion for fpm-ts
# Generated from the command table (src/cli/) by npm run generate.

# Prints the command on the line and how many arguments it has so far, then the file of -c.
function __fpm_ts_line
    set -l command
    set -l config
    set -l count 0
    set -l taking
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test -n "$taking"
            contains -- $taking -c --config; and set config $word
            set taking
            continue
        end
        switch "$command,$word"
            case '*,--config=*'
                set config (string replace -- --config= '' $word)
            case ',-c' ',--config' 'start,-c' 'start,--config' 'stop,-c' 'stop,--config' 'reload,-c' 'reload,--config' 'upgrade,-c' 'upgrade,--config' 'status,-c' 'status,--config' 'scale,-c' 'scale,--config' 'pause,-c' 'pause,--config' 'resume,-c' 'resume,--config' 'takeover,--pid' 'takeover,-c' 'takeover,--config' 'explain,-c' 'explain,--config' 'reopen-logs,-c' 'reopen-logs,--config' 'check,-c' 'check,--config' 'config,-c' 'config,--config' 'logs,-n' 'logs,--lines' 'logs,--since' 'logs,--level' 'logs,-c' 'logs,--config' 'request,-X' 'request,--method' 'request,-H' 'request,--header' 'request,-d' 'request,--data' 'request,--timeout' 'request,-c' 'request,--config' 'serve,--http' 'serve,-c' 'serve,--config' 'observe,-n' 'observe,--count' 'observe,--min-spare' 'observe,--max-spare' 'observe,--max-children' 'observe,-c' 'observe,--config' 'simulate,--log' 'simulate,--format' 'simulate,--start-time' 'simulate,-c' 'simulate,--config' 'cgi,--root' 'cgi,--protocol' 'cgi,--extension' 'cgi,--program' 'cgi,--interpreter' 'cgi,--user' 'cgi,--env' 'cgi,--pass-env' 'cgi,--max-scripts' 'cgi,--max-per-script' 'cgi,--max-queue' 'cgi,--timeout' 'cgi,--kill-after' 'cgi,--max-cpu-time' 'cgi,--max-memory' 'cgi,--max-file-size' 'cgi,--max-params' 'cgi,-c' 'cgi,--config' 'spawn,-f' 'spawn,-d' 'spawn,-a' 'spawn,-p' 'spawn,-s' 'spawn,-M' 'spawn,-C' 'spawn,-F' 'spawn,-b' 'spawn,-P' 'spawn,-c' 'spawn,-u' 'spawn,-g' 'spawn,-U' 'spawn,-G' 'init,--directory' 'init,-c' 'init,--config' 'help,-c' 'help,--config'
                set taking $word
            case '*,-*'
            case ',*'
                set command $word
            case '*'
                set count (math $count + 1)
        end
    end
    printf '%s\n' "$command" $count "$config"
end

# Whether this command is on the line, with so many arguments before the one that is typed, if that matters.
function __fpm_ts_at
    set -l line (__fpm_ts_line)
    test "$line[1]" = "$argv[1]"; or return 1
    test (count $argv) -eq 1; or test $line[2] -eq $argv[2]
end

function __fpm_ts_pools
    set -l line (__fpm_ts_line)
    set -l file (string replace -r '^~/' "$HOME/" -- $line[3])
    set -l program (commandline -opc)[1]
    if test -n "$file"
        command $program -c $file pool-names 2>/dev/null
    else
        command $program pool-names 2>/dev/null
    end
end

complete -c fpm-ts -f
complete -c fpm-ts -n '__fpm_ts_at ""' -s 'V' -l version -d 'output the version number'
complete -c fpm-ts -n '__fpm_ts_at ""' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at ""' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at ""' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at ""' -a start -d 'Run the supervisor in the foreground'
complete -c fpm-ts -n '__fpm_ts_at ""' -a stop -d 'Stop gracefully'
complete -c fpm-ts -n '__fpm_ts_at ""' -a reload -d 'Read the configuration again and replace the workers, the new ones first'
complete -c fpm-ts -n '__fpm_ts_at ""' -a upgrade -d 'Let the running fpm-ts become the version that is installed now'
complete -c fpm-ts -n '__fpm_ts_at ""' -a status -d 'Show what the supervisor and its pools are doing'
complete -c fpm-ts -n '__fpm_ts_at ""' -a scale -d 'Give a pool another number of workers, until the next reload'
complete -c fpm-ts -n '__fpm_ts_at ""' -a pause -d 'Keep the number of workers of a pool as it is'
complete -c fpm-ts -n '__fpm_ts_at ""' -a resume -d 'End the pause of a pool'
complete -c fpm-ts -n '__fpm_ts_at ""' -a takeover -d 'Let a pool take its address from another program that listens there'
complete -c fpm-ts -n '__fpm_ts_at ""' -a explain -d 'Show what was decided about a pool lately, and why'
complete -c fpm-ts -n '__fpm_ts_at ""' -a reopen-logs -d 'Open the log files anew after logrotate has moved them away'
complete -c fpm-ts -n '__fpm_ts_at ""' -a check -d 'Test the configuration as the system stands'
complete -c fpm-ts -n '__fpm_ts_at ""' -a config -d 'Print the effective configuration, defaults included'
complete -c fpm-ts -n '__fpm_ts_at ""' -a logs -d 'Show the last lines of the log and of the logs of pools, by time, as text for people'
complete -c fpm-ts -n '__fpm_ts_at ""' -a request -d 'Send one request to a pool, as a web server would, and print the answer'
complete -c fpm-ts -n '__fpm_ts_at ""' -a serve -d 'A small HTTP front for a pool, for trying things out without a web server'
complete -c fpm-ts -n '__fpm_ts_at ""' -a observe -d 'Show the queue, the connections and the busy workers of anybody\'s pool, and how many workers fpm-ts would have'
complete -c fpm-ts -n '__fpm_ts_at ""' -a simulate -d 'Replay an nginx access log through a pool\'s scaling, for its sizing and for neighbouring ones'
complete -c fpm-ts -n '__fpm_ts_at ""' -a cgi -d 'Run CGI scripts behind FastCGI or SCGI'
complete -c fpm-ts -n '__fpm_ts_at ""' -a spawn -d 'One pool without a configuration file, from the command line of spawn-fcgi'
complete -c fpm-ts -n '__fpm_ts_at ""' -a init -d 'Write a first configuration with a pool that runs'
complete -c fpm-ts -n '__fpm_ts_at ""' -a help -d 'display help for command'

complete -c fpm-ts -n '__fpm_ts_at start' -l daemonize -d 'return when every pool is ready, or say why not'
complete -c fpm-ts -n '__fpm_ts_at start' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at start' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at start' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at start' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at stop' -l now -d 'do not wait'
complete -c fpm-ts -n '__fpm_ts_at stop' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at stop' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at stop' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at stop' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at reload' -l changed -d 'only pools whose settings changed'
complete -c fpm-ts -n '__fpm_ts_at reload' -l dry-run -d 'only print what would be done'
complete -c fpm-ts -n '__fpm_ts_at reload' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at reload' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at reload' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at reload' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at upgrade' -l dry-run -d 'only test whether it would work'
complete -c fpm-ts -n '__fpm_ts_at upgrade' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at upgrade' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at upgrade' -l json -d 'print results and errors as JSON'

complete -c fpm-ts -n '__fpm_ts_at status' -l watch -d 'again every second, until interrupted'
complete -c fpm-ts -n '__fpm_ts_at status' -l check -d 'exit with 1 when a pool is degraded, failed or stopped'
complete -c fpm-ts -n '__fpm_ts_at status' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at status' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at status' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at status' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at scale' -l force -d 'also above pm.max_children'
complete -c fpm-ts -n '__fpm_ts_at scale' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at scale' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at scale' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at scale 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at pause' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at pause' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at pause' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at pause' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at resume' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at resume' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at resume' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at resume' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at takeover' -l pid -x -d 'the program that listens, or a parent of it'
complete -c fpm-ts -n '__fpm_ts_at takeover' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at takeover' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at takeover' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at takeover 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at explain' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at explain' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at explain' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at explain 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at reopen-logs' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at reopen-logs' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at reopen-logs' -l json -d 'print results and errors as JSON'

complete -c fpm-ts -n '__fpm_ts_at check' -l static -d 'only the files themselves, for a system other than this one'
complete -c fpm-ts -n '__fpm_ts_at check' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at check' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at check' -l json -d 'print results and errors as JSON'

complete -c fpm-ts -n '__fpm_ts_at config' -l origin -d 'say where each value comes from'
complete -c fpm-ts -n '__fpm_ts_at config' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at config' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at config' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at config 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at logs' -s 'n' -l lines -x -d 'how many lines (default'
complete -c fpm-ts -n '__fpm_ts_at logs' -l since -x -d 'only records since then'
complete -c fpm-ts -n '__fpm_ts_at logs' -l level -x -d 'only records of this level and above, such as warn'
complete -c fpm-ts -n '__fpm_ts_at logs' -s 'f' -l follow -d 'continue with new lines, across rotation, until interrupted'
complete -c fpm-ts -n '__fpm_ts_at logs' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at logs' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at logs' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at logs 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at request' -s 'X' -l method -x -d 'GET, or POST when there is data'
complete -c fpm-ts -n '__fpm_ts_at request' -s 'H' -l header -x -d 'Name'
complete -c fpm-ts -n '__fpm_ts_at request' -s 'd' -l data -x -d 'the body'
complete -c fpm-ts -n '__fpm_ts_at request' -s 'i' -l include -d 'print status and headers as well'
complete -c fpm-ts -n '__fpm_ts_at request' -l raw -d 'the body as it is on a terminal, too, where control characters are shown otherwise'
complete -c fpm-ts -n '__fpm_ts_at request' -l timeout -x -d 'how long the program may be silent'
complete -c fpm-ts -n '__fpm_ts_at request' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at request' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at request' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at request 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at serve' -l http -x -d 'where to listen'
complete -c fpm-ts -n '__fpm_ts_at serve' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at serve' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at serve' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at serve 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at observe' -s 'n' -l count -x -d 'end after so many lines, one a second (else'
complete -c fpm-ts -n '__fpm_ts_at observe' -l min-spare -x -d 'pm.min_spare_servers of the dynamic pool that it is compared with'
complete -c fpm-ts -n '__fpm_ts_at observe' -l max-spare -x -d 'pm.max_spare_servers'
complete -c fpm-ts -n '__fpm_ts_at observe' -l max-children -x -d 'pm.max_children (else'
complete -c fpm-ts -n '__fpm_ts_at observe' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at observe' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at observe' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at observe 0' -F

complete -c fpm-ts -n '__fpm_ts_at simulate' -l log -r -F -d 'the access log, with request times'
complete -c fpm-ts -n '__fpm_ts_at simulate' -l format -x -d 'its log_format, as in nginx.conf'
complete -c fpm-ts -n '__fpm_ts_at simulate' -l start-time -x -d 'how long a worker takes until it accepts'
complete -c fpm-ts -n '__fpm_ts_at simulate' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at simulate' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at simulate' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at simulate 0' -a '(__fpm_ts_pools)' -d pool

complete -c fpm-ts -n '__fpm_ts_at cgi' -l root -x -a '(__fish_complete_directories)' -d 'scripts may stand in here and below'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l protocol -x -a 'fastcgi scgi' -d 'what the web server speaks'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l extension -x -d 'run only files that end so, .cgi for one'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l program -r -F -d 'run only this file, where no --root is said wherever it stands'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l interpreter -x -d 'what runs files that end so and do not run by themselves'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l script-paths -d 'scripts see their path in $0, where a file could be exchanged in the last moment'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l user -x -a '(__fish_complete_users)' -d 'as root'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l env -x -d 'a variable for every script'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l pass-env -x -d 'the same with the value that it has here'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-scripts -x -d 'scripts that run at once'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-per-script -x -d 'processes of one and the same script at once'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-queue -x -d 'requests that may wait for that'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l timeout -x -d 'how long a script may run, then 504'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l kill-after -x -d 'from SIGTERM to SIGKILL, for a script that has to end'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-cpu-time -x -d 'CPU time of each process of a script, in full seconds'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-memory -x -d 'address space of each process of a script'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-file-size -x -d 'size of a file that a script writes'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l max-params -x -d 'all variables of a request'
complete -c fpm-ts -n '__fpm_ts_at cgi' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at cgi' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at cgi' -l json -d 'print results and errors as JSON'

complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'f' -x -d 'a command for /bin/sh instead of [app...]'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'd' -x -a '(__fish_complete_directories)' -d 'change to this directory'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'a' -x -d 'listen on this IPv4 or IPv6 address (default 0.0.0.0)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'p' -x -d 'listen on this TCP port'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 's' -r -F -d 'listen on this Unix socket'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'M' -x -d 'permissions of the socket, octal (default 0660 less the umask)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'C' -x -d 'PHP_FCGI_CHILDREN of each worker, for PHP'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'F' -x -d 'workers (default 1)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'b' -x -d 'connections that may wait (default 1024)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'P' -r -F -d 'file for the pid whose SIGTERM ends all of it'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'n' -d 'stay in the foreground, for daemontools and their like'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'c' -x -a '(__fish_complete_directories)' -d 'change the root to this directory (root only)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'S' -d 'the socket is outside of that directory (root only)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'u' -x -a '(__fish_complete_users)' -d 'user of the workers (root only)'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'g' -x -a '(__fish_complete_groups)' -d 'their group (root only'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'U' -x -a '(__fish_complete_users)' -d 'owner of the socket (root only'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'G' -x -a '(__fish_complete_groups)' -d 'group of the socket (root only'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'v' -d 'show the version'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s '?' -d 'show this help'
complete -c fpm-ts -n '__fpm_ts_at spawn' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at spawn' -F

complete -c fpm-ts -n '__fpm_ts_at init' -l directory -x -a '(__fish_complete_directories)' -d 'where to, instead'
complete -c fpm-ts -n '__fpm_ts_at init' -l systemd -d 'also write a unit that starts this installation, for the system or the user\'s manager'
complete -c fpm-ts -n '__fpm_ts_at init' -s 'h' -l help -d 'display help for command'
complete -c fpm-ts -n '__fpm_ts_at init' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at init' -l json -d 'print results and errors as JSON'

complete -c fpm-ts -n '__fpm_ts_at help' -s 'c' -l config -r -F -d 'the configuration (else $FPM_TS_CONFIG, else /etc/fpm-ts/fpm-ts.toml)'
complete -c fpm-ts -n '__fpm_ts_at help' -l json -d 'print results and errors as JSON'
complete -c fpm-ts -n '__fpm_ts_at help 0' -a 'start stop reload upgrade status scale pause resume takeover explain reopen-logs check config logs request serve observe simulate cgi spawn init help'
