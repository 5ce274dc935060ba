# Shows what an environment has logged: --help tells. The work is done by pipelines/steps, which the pipelines run too.
$ErrorActionPreference = 'Stop'
Push-Location (Join-Path $PSScriptRoot '..')
try {
    $python, $version = '.venv\Scripts\python.exe', @()
    if (-not (Test-Path $python)) {
        if (Get-Command py -ErrorAction SilentlyContinue) { $python, $version = 'py', @('-3.13') } else { $python = 'python' }
    }
    & $python @version -m pipelines.steps.logs @args
    exit $LASTEXITCODE
}
finally {
    Pop-Location
}
