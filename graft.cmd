@echo off
rem graft's launcher for Windows: finds a JDK 25, builds on first use, runs. What .\graft does elsewhere.
rem
rem   GRAFT_JAVA_HOME      the JDK to use, if not the first that is found
rem   GRAFT_JAVA_OPTIONS   more options for java, e.g. -Xmx8g
setlocal EnableExtensions DisableDelayedExpansion
set "root=%~dp0"
set "root=%root:~0,-1%"
set "store=%root%\.graft"
set "target=%root%\trainer\target"

set "jdk="
if not defined GRAFT_JAVA_HOME goto search
call :try "%GRAFT_JAVA_HOME%"
if defined jdk goto found
echo error: GRAFT_JAVA_HOME=%GRAFT_JAVA_HOME%: is not a JDK 25 or newer>&2
exit /b 2

:search
if defined JAVA_HOME call :try "%JAVA_HOME%"
if not defined jdk for /f "delims=" %%j in ('where java 2^>nul') do call :try "%%~dpj.."
if not defined jdk for /d %%d in (
  "%ProgramFiles%\Eclipse Adoptium\*" "%ProgramFiles%\Java\*" "%ProgramFiles%\Microsoft\*"
  "%ProgramFiles%\Zulu\*" "%ProgramFiles%\Amazon Corretto\*" "%USERPROFILE%\.jdks\*"
) do call :try "%%~d"
if not defined jdk (
  echo error: no JDK 25 or newer was found ^(JAVA_HOME, PATH, Program Files, .jdks^). Install one, or point GRAFT_JAVA_HOME at it.>&2
  exit /b 2
)

:found
if not defined GRAFT_PRINT_JAVA_HOME goto check
echo %jdk%
exit /b 0

:check

rem Is what was built last as new as the sources? PowerShell compares the times; batch cannot.
set "app="
if exist "%store%\current.txt" set /p app=<"%store%\current.txt"
if not defined app goto build
if not exist "%store%\%app%\graft-trainer.jar" goto build
powershell -NoProfile -NonInteractive -Command ^
  "$built = (Get-Item -LiteralPath $env:store\$env:app\built.txt).LastWriteTimeUtc;" ^
  "$files = @(Get-Item -LiteralPath $env:root\pom.xml);" ^
  "foreach ($m in 'tokenizer','model-io','trainer') {" ^
  "  $files += Get-Item -LiteralPath $env:root\$m\pom.xml;" ^
  "  $files += Get-ChildItem -LiteralPath $env:root\$m\src\main -Recurse -File };" ^
  "if ($files | Where-Object { $_.LastWriteTimeUtc -gt $built }) { exit 1 }"
if not errorlevel 1 goto run

:build
where mvn >nul 2>nul
if errorlevel 1 (
  echo error: mvn was not found, which builds graft on first use. Install Maven.>&2
  exit /b 2
)
echo building graft ^(first use, or its sources have changed^) ...>&2
if not exist "%store%" mkdir "%store%"
rem The build runs from a folder of its own, since Windows locks the jars of a run in progress.
set "app=build-%RANDOM%%RANDOM%"
mkdir "%store%\%app%"
rem As old as the start of the build, so that what was changed meanwhile is built next time.
echo %date% %time%>"%store%\%app%\built.txt"
if exist "%target%\lib" rmdir /s /q "%target%\lib"
pushd "%root%"
set "JAVA_HOME=%jdk%"
set "MAVEN_OPTS=%MAVEN_OPTS% --sun-misc-unsafe-memory-access=allow"
call mvn -B -q -Dstyle.color=never -Dmaven.test.skip=true package 1>&2
if errorlevel 1 (
  popd
  rmdir /s /q "%store%\%app%"
  echo error: the build failed; 'mvn -DskipTests package' in %root% shows how>&2
  exit /b 2
)
popd
copy /y "%target%\graft-trainer.jar" "%store%\%app%\" >nul || goto notcopied
xcopy /q /y /i "%target%\lib" "%store%\%app%\lib" >nul || goto notcopied
>"%store%\current.txt" echo %app%
rem A folder that a run uses cannot be renamed, so only unused ones go.
for /d %%d in ("%store%\build-*") do if /i not "%%~nxd"=="%app%" (
  ren "%%~d" "old-%%~nxd" 2>nul && rmdir /s /q "%store%\old-%%~nxd"
)
goto run

:notcopied
echo error: graft was built, but could not be copied to %store%\%app%>&2
exit /b 2

:run
rem Between two products oneDNN's OpenMP threads would spin on the cores that graft's own loops want.
if not defined OMP_WAIT_POLICY set "OMP_WAIT_POLICY=passive"
"%jdk%\bin\java.exe" ^
  --add-modules jdk.incubator.vector ^
  --enable-native-access=ALL-UNNAMED ^
  --sun-misc-unsafe-memory-access=allow ^
  -Djdk.incubator.vector.VECTOR_ACCESS_OOB_CHECK=0 ^
  -XX:+UseSerialGC ^
  -XX:MaxRAMPercentage=25 ^
  -Dstdout.encoding=UTF-8 -Dstderr.encoding=UTF-8 ^
  %GRAFT_JAVA_OPTIONS% ^
  -cp "%store%\%app%\graft-trainer.jar;%store%\%app%\lib\*" ^
  dev.graft.trainer.cli.Main %*
exit /b %ERRORLEVEL%

rem Sets jdk to a folder if it holds a JDK that is new enough.
:try
if defined jdk exit /b 0
if not exist "%~1\bin\javac.exe" exit /b 0
if not exist "%~1\release" exit /b 0
rem The dots stand for the quotation mark, which cmd would count.
findstr /r /c:"^JAVA_VERSION=.2[5-9]" /c:"^JAVA_VERSION=.[3-9][0-9]" "%~1\release" >nul 2>nul
if not errorlevel 1 set "jdk=%~f1"
exit /b 0
