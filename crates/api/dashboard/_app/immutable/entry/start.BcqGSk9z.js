import{s as r}from"../chunks/COQV95FA.js";import{y as t}from"../chunks/Cz66_eai.js";export{t as load_css,r as start};
