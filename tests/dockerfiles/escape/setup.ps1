setup.ps1
