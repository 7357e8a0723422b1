# Completion of bcdl in fish: bcdl completion fish | source
function __bcdl_complete
    set -l typed (commandline -opc)
    $typed[1] completion fish --complete=(commandline -cp | string collect) 2>/dev/null
end
complete -c bcdl -f -a '(__bcdl_complete)'
