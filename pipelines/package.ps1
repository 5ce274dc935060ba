# Makes the package that every environment runs: --help tells. The work is done by pipelines/steps, which the pipelines run too.
$ErrorActionPreference = 'Stop'
Push-Location (Join-Path $PSScriptRoot '..')
try {
    $python = '.venv\Scripts\python.exe'
    if (-not (Test-Path $python)) { $python = 'python' }
    & $python -m pipelines.steps.package @args
    exit $LASTEXITCODE
}
finally {
    Pop-Location
}
