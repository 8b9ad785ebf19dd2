# Completion of daymark in PowerShell, 5 or newer.

Register-ArgumentCompleter -Native -CommandName @NAMES@ -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $daymark = Get-Command daymark -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $daymark) { return }
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
            else { $_.Extent.Text }
        })
    $answer = @(& $daymark __complete powershell "--current=$wordToComplete" '--' @before 2>$null)
    # Without an answer, PowerShell completes files.
    if ($answer.Count -eq 0 -or $answer[0] -ne 'words') { return }
    $answer | Select-Object -Skip 1 | ForEach-Object {
        $text, $meaning = $_ -split "`t", 2
        if (-not $meaning) { $meaning = $text }
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $meaning)
    }
}
